// What plain and symphony clients have in common.

/** Waits until condition() holds; it is asked again whenever something happened or a moment passed. */
export const until = async (condition, what, seconds = 60) => {
  const end = Date.now() + seconds * 1000
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Addresses of the same service, of which each connection takes the next one. */
export class Addresses {
  constructor(urls) {
    this.urls = [urls].flat()
    this.turn = 0
  }

  next() {
    return this.urls[this.turn++ % this.urls.length]
  }
}

/** How long edits wait until they are acknowledged, over all connections. */
export class Waits {
  constructor() {
    this.made = 0 // edits so far
    this.pending = [] // when each edit was made that is not acknowledged
    this.longest = 0 // ms that an edit waited since the last mark
  }

  edit() {
    this.made++
    this.pending.push(performance.now())
  }

  /** The first n edits are acknowledged. */
  acknowledged(n) {
    while (this.made - this.pending.length < n) {
      this.longest = Math.max(this.longest, performance.now() - this.pending.shift())
    }
  }

  /** Begins anew: what waits now counts from now on. */
  mark() {
    this.longest = 0
    this.pending.fill(performance.now())
  }
}

export class Client {
  constructor(doc) {
    this.doc = doc
    this.timer = null
    this.waits = new Waits()
    this.lost = 0 // connections that were established and that the client did not end itself
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
