// What plain and symphony clients have in common.

/** Waits until condition() holds; it is asked again whenever something happened or a moment passed. */
export const until = async (condition, what, seconds = 60) => {
  const end = Date.now() + seconds * 1000
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export class Client {
  constructor(doc) {
    this.doc = doc
    this.timer = null
  }

  /** Edits again and again, with a pause of 0 to `pause` ms between, until stopWriting. */
  startWriting(writer, pause) {
    const step = () => {
      writer.write(1)
      this.timer = setTimeout(step, writer.r.below(pause + 1))
    }
    this.stopWriting()
    step()
  }

  stopWriting() {
    clearTimeout(this.timer)
    this.timer = null
  }
}
