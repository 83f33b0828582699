// Two people, each with a browser of their own, write in CodeMirror that is bound to a room of a running server.
//
//   node editor.mjs <host:port of the server> <directory for screenshots> <path of Chromium>
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { launch, onError, patience, shownText, until } from './page.mjs'

const [address, screenshots, executablePath] = process.argv.slice(2)
const problems = []

const files = fileURLToPath(new URL('editor', import.meta.url))
const packages = fileURLToPath(new URL('../../packages', import.meta.url))
const { outputFiles } = await build({
  entryPoints: [join(files, 'page.js')],
  outdir: 'out',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  write: false,
  // The package's sources, so that the test needs no build of it.
  alias: { '@symphony-rtc/client': `${packages}/client/src/index.ts` },
})
/** What the page consists of, by path. */
const page = new Map(outputFiles.map(({ path, text }) => [path.replace(/.*[/\\]/, '/'), text]))
page.set('/', await readFile(join(files, 'index.html'), 'utf8'))
// On a port of its own, as the page of an application that is being developed.
const site = createServer(({ url }, response) => {
  response.setHeader('Content-Type', url === '/' ? 'text/html' : 'text/javascript')
  response.writeHead(page.has(url) ? 200 : 404).end(page.get(url))
})
await new Promise((listening) => site.listen(0, '127.0.0.1', listening))

const browser = await chromium.launch(launch(executablePath))
try {
  await run()
  if (problems.length === 0) console.log('done')
} finally {
  // They may be why a wait was in vain.
  if (problems.length > 0) console.error(`the page has problems: ${problems.join('; ')}`)
  await browser.close()
  site.close()
}

/** A person with storage of their own, so that nothing passes by the server. */
async function arrive(name, hue) {
  const context = await browser.newContext({ viewport: { width: 900, height: 420 } })
  const window = await context.newPage()
  window.setDefaultTimeout(patience)
  onError(window, (problem) => problems.push(`${name}: ${problem}`))
  const room = encodeURIComponent('editors/🎻')
  await window.goto(`http://127.0.0.1:${site.address().port}/#${address}/${room}/${name}/${hue}`)
  await window.waitForSelector('#status[data-state=connected]')
  await window.evaluate(() => window.room.synced())
  return {
    name,
    window,
    press: (key) => window.keyboard.press(key),
    type: (text) => window.keyboard.type(text),
    shown: () => shownText(window),
    stored: () => window.evaluate(() => window.room.newText('text').toString()),
    carets: () => window.locator('.cm-ySelectionInfo').allInnerTexts(),
    selected: () => window.locator('.cm-ySelection').allInnerTexts(),
    picture: (of) => window.screenshot({ path: join(screenshots, `editor-${of}.png`) }),
    leave: () => context.close(),
  }
}

async function run() {
  const ada = await arrive('Ada', 340)
  const ben = await arrive('Ben', 210)
  const both = [ada, ben]
  const everybodyHas = (what, text) =>
    until(`both have ${what}`, async () => {
      const texts = await Promise.all(both.flatMap(({ shown, stored }) => [shown(), stored()]))
      return texts.every((one) => one === text)
    })

  const first = 'Ada began this.'
  await ada.window.click('.cm-content')
  await ada.type(first)
  await everybodyHas('what Ada wrote', first)
  await until("Ben sees Ada's cursor with her name", async () => (await ben.carets()).join() === 'Ada')

  const second = '\nBen went on: ä, 🎻.'
  await ben.window.click('.cm-content')
  await ben.press('Control+End')
  await ben.type(second)
  await everybodyHas('what Ben wrote', first + second)
  await until("Ada sees Ben's cursor with his name", async () => (await ada.carets()).join() === 'Ben')

  await ada.press('Control+Home')
  for (const _ of 'Ada') await ada.press('Shift+ArrowRight')
  await until('Ben sees what Ada selected', async () => (await ben.selected()).join() === 'Ada')
  await ada.picture('ada')
  await ben.picture('ben')
  // Typing over a selection replaces it on both sides, and the selection is gone.
  await ada.type('She')
  const replaced = first.replace('Ada', 'She')
  await everybodyHas('what Ada wrote over her selection', replaced + second)
  await until('nothing is selected any more', async () => (await ben.selected()).join('') === '')

  // Both type at once, in different places.
  await ada.press('Control+Home')
  await Promise.all([ada.type('Look: '), ben.type(' Ben too.')])
  const all = `Look: ${replaced}${second} Ben too.`
  await everybodyHas('what both wrote at once', all)

  // How many steps the typing became depends on how fast it was; so undo until nothing is left of one's own.
  await until('undo takes back all that Ada wrote, and nothing of Ben', async () => {
    if ((await ada.shown()) === `${second} Ben too.`) return true
    await ada.press('Control+z')
    return false
  })
  for (let i = 0; i < 3; i++) await ada.press('Control+z')
  await everybodyHas('only what Ben wrote', `${second} Ben too.`)
  await ben.picture('undone')
  await until('redo brings back what Ada wrote', async () => {
    if ((await ada.shown()) === all) return true
    await ada.press('Control+y')
    return false
  })
  await everybodyHas('all again', all)

  await ada.window.evaluate(() => window.room.saved())
  await ben.leave()
  await until("Ben's cursor is gone with him", async () => (await ada.carets()).length === 0)
  const cleo = await arrive('Cleo', 120)
  await until('who comes later finds the text', async () => (await cleo.shown()) === all)
}
