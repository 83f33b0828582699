// Two real browser windows on the page of examples/hello. The Go test that starts this speaks to it over standard
// input and output: this prints the name of each stage that it has reached, and waits for a line before the next.
//
//   node hello.mjs <page URL> <directory for screenshots> <path of Chromium>
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { converse, launch, onError, onStranger, patience, shownText, until } from './page.mjs'

const [page, screenshots, executablePath] = process.argv.slice(2)
const { stage, close } = converse()

const profile = await mkdtemp(join(tmpdir(), 'symphony-browser-'))
const browser = await chromium.launchPersistentContext(profile, {
  ...launch(executablePath),
  viewport: { width: 900, height: 620 },
})
try {
  await run()
} finally {
  close()
  await browser.close()
  await rm(profile, { recursive: true, force: true })
}

async function open(name) {
  const window = await browser.newPage()
  const problems = []
  const tell = (problem) => problems.push(problem)
  onError(window, (problem) => {
    // A connection that the server's restart cut is no fault of the page.
    if (!/WebSocket connection to/.test(problem)) tell(problem)
  })
  onStranger(window, page, tell)
  window.setDefaultTimeout(patience)
  await window.goto(page)
  await window.waitForSelector('#status[data-state=connected]')
  await window.fill('#my-name', name)
  return { window, problems, text: () => shownText(window) }
}

// Types at the end of the text, as a person does.
async function type({ window }, text) {
  await window.click('.cm-content')
  await window.keyboard.press('Control+End')
  await window.keyboard.type(text, { delay: 5 })
}

async function run() {
  const ada = await open('Ada')
  const ben = await open('Ben')
  const both = [ada, ben]
  const caret = (seer) => seer.window.locator('.cm-ySelectionInfo')
  const people = (seer) => seer.window.locator('#people li').allInnerTexts()

  await until('Ada sees Ben in the list', async () => (await people(ada)).includes('Ben'))
  await until('Ben sees Ada in the list', async () => (await people(ben)).includes('Ada'))

  await type(ada, 'Ada wrote this.\n')
  await until('Ben sees what Ada wrote', async () => (await ben.text()).includes('Ada wrote this.'))
  await until("Ben sees Ada's cursor with her name", async () =>
    (await caret(ben).allInnerTexts()).includes('Ada'),
  )

  await type(ben, 'And Ben this: ä, 🎻.')
  await until('Ada sees what Ben wrote', async () => (await ada.text()).includes('And Ben this: ä, 🎻.'))
  await until("Ada sees Ben's cursor with his name", async () =>
    (await caret(ada).allInnerTexts()).includes('Ben'),
  )

  // Both type at once, in different places.
  await ada.window.click('.cm-content')
  await ada.window.keyboard.press('Control+Home')
  await Promise.all([
    ada.window.keyboard.type('At the top. ', { delay: 10 }),
    ben.window.keyboard.type(' At the end.', { delay: 10 }),
  ])
  const expected = 'At the top. Ada wrote this.\nAnd Ben this: ä, 🎻. At the end.'
  for (const person of both) {
    await until('both texts are the same', async () => (await person.text()) === expected)
  }
  await ada.window.screenshot({ path: join(screenshots, 'hello-ada.png') })
  await ben.window.screenshot({ path: join(screenshots, 'hello-ben.png') })

  await stage('typed') // the server is stopped
  for (const person of both) await person.window.waitForSelector('#status[data-state=offline]')
  await type(ada, ' Offline.')
  await ada.window.screenshot({ path: join(screenshots, 'hello-offline.png') })

  await stage('offline') // the server is started
  for (const person of both) await person.window.waitForSelector('#status[data-state=connected]')
  await until('Ben sees what Ada wrote offline', async () => (await ben.text()) === `${expected} Offline.`)

  const late = await open('Cleo')
  await until('a late window has the text', async () => (await late.text()) === `${expected} Offline.`)
  await until('a late window sees both', async () => (await people(late)).sort().join() === 'Ada,Ben')
  await late.window.screenshot({ path: join(screenshots, 'hello-late.png') })

  await ben.window.keyboard.press('Control+z')
  await until("undo takes back only one's own", async () => {
    const text = await ada.text()
    return (
      text.includes('At the top. Ada wrote this.') &&
      !text.includes('At the end.') &&
      text.includes('Offline.')
    )
  })

  await ben.window.close()
  await until('who left is gone from the list', async () => (await people(ada)).join() === 'Cleo')
  for (const { problems } of [...both, late]) {
    if (problems.length > 0) throw new Error(`the page has problems: ${problems.join('; ')}`)
  }
  console.log('done')
}
