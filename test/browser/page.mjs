// What the scripts of this directory share.
import { createInterface } from 'node:readline'

/** How long anything is waited for, in milliseconds. */
export const patience = 60_000

/** How the browser at a path is started, for Playwright. */
export const launch = (executablePath) => ({
  executablePath,
  headless: true,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
  ],
})

export async function until(what, condition) {
  const end = Date.now() + patience
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`this did not happen: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/**
 * The conversation with the Go test that started the script: `stage` prints the name of what was reached and waits until the
 * test has done its part. An open one keeps the process alive.
 */
export function converse() {
  const input = createInterface({ input: process.stdin })
  const lines = input[Symbol.asyncIterator]()
  return {
    async stage(name) {
      console.log(name)
      await lines.next()
    },
    close: () => input.close(),
  }
}

/** Tells of every error in a window. */
export function onError(window, tell) {
  window.on('pageerror', (error) => tell(error.stack))
  window.on('console', (message) => {
    if (message.type() === 'error') tell(message.text())
  })
}

/** Tells of every request to another site than that of a page. */
export function onStranger(window, page, tell) {
  window.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (protocol.startsWith('http') && origin !== new URL(page).origin) tell(`asks ${request.url()}`)
  })
}

/** The text in a window's editor, without the names at other people's cursors, which are elements inside of it. */
export function shownText(window) {
  return window.evaluate(() => {
    const lines = [...document.querySelectorAll('.cm-line')].map((line) => {
      const copy = line.cloneNode(true)
      for (const caret of copy.querySelectorAll('.cm-ySelectionCaret')) caret.remove()
      return copy.textContent
    })
    return lines.join('\n')
  })
}
