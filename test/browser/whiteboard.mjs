// Two people on the whiteboard of a running server, in real browser windows: everything that can be drawn, by hand.
//
//   node whiteboard.mjs <page URL> <directory for screenshots> <path of Chromium>
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { launch, onError, onStranger, patience, until } from './page.mjs'

const [page, screenshots, executablePath] = process.argv.slice(2)
const problems = []
const browser = await chromium.launch(launch(executablePath))
const key = ({ window }, name) => window.keyboard.press(name)
const click = ({ window }, id) => window.click(`[data-testid=${id}]`)
const wave = (x, y) => Array.from({ length: 40 }, (_, i) => [x + i * 5, y + 30 * Math.sin(i / 4)])
const only = (shapes, kind) => Object.values(shapes).find((shape) => shape.kind === kind)

try {
  await run()
  console.log('done')
} finally {
  await browser.close()
}

/** A person with storage of its own. */
async function arrive(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options })
  const window = await context.newPage()
  window.setDefaultTimeout(patience)
  onError(window, (problem) => problems.push(`${name}: ${problem}`))
  onStranger(window, page, (problem) => problems.push(`${name} ${problem}`))
  await window.goto(page)
  await window.waitForSelector('[data-testid=status][data-connection=connected]')
  await window.fill('[data-testid=name]', name)
  await window.press('[data-testid=name]', 'Enter')
  return {
    name,
    window,
    shapes: () => window.evaluate(() => window.symphony.room.newMap('shapes').toJSON()),
    shown: (kind) => window.locator(`[data-testid=shape][data-kind=${kind}]`),
    picture: (of) => window.screenshot({ path: join(screenshots, `whiteboard-${of}.png`) }),
  }
}

function is(what, found, expected) {
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`)
}

/** Pulls the mouse through points; `half` is called in the middle. */
async function pull({ window }, points, half = async () => {}) {
  const [first, ...rest] = points
  await window.mouse.move(...first)
  await window.mouse.down()
  for (const [i, point] of rest.entries()) {
    await window.mouse.move(...point)
    if (i === rest.length >> 1) await half()
  }
  await window.mouse.up()
}

async function run() {
  const ada = await arrive('Ada')
  const ben = await arrive('Ben', { colorScheme: 'dark' })
  const both = [ada, ben]
  await until('an empty board says what to do', () => ada.window.isVisible('[data-testid=hint]'))

  const people = ({ window }) => window.locator('[data-testid=person] .unseen').allInnerTexts()
  await until('Ada sees Ben', async () => (await people(ada)).includes('Ben'))
  await until('Ben sees Ada', async () => (await people(ben)).includes('Ada'))

  const colorOf = ({ window }) => window.evaluate(() => window.symphony.room.getPresence().color)
  await until('they have colours of their own', async () => (await colorOf(ada)) !== (await colorOf(ben)))

  // A stroke is seen while it is drawn, and is small afterwards.
  await key(ada, 'p')
  await pull(ada, wave(150, 200), async () => {
    await until('Ben sees half a stroke', async () => (await ben.shown('pen').count()) === 1)
    is('a stroke that is being drawn has a size', only(await ben.shapes(), 'pen').size, undefined)
  })
  await until('the stroke is finished', async () => only(await ben.shapes(), 'pen').size !== undefined)
  is('runs of a finished stroke', only(await ben.shapes(), 'pen').points.length, 1)
  const path = (person) => person.shown('pen').locator('path').getAttribute('d')
  await until('both see the same stroke', async () => (await path(ada)) === (await path(ben)))

  // All the other tools, colours and widths.
  await key(ada, 'r')
  await click(ada, 'color-blue')
  await click(ada, 'width-8')
  await key(ada, 'f')
  await pull(ada, [
    [450, 150],
    [500, 200],
    [650, 270],
  ])
  await key(ben, 'o')
  await click(ben, 'color-green')
  await pull(ben, [
    [800, 150],
    [850, 200],
    [1000, 270],
  ])
  await key(ben, 'l')
  await pull(ben, [
    [660, 210],
    [700, 210],
    [790, 210],
  ])
  await key(ada, 't')
  await ada.window.mouse.click(460, 400)
  await ada.window.keyboard.type('Ada')
  for (const person of both) {
    for (const kind of ['pen', 'rectangle', 'ellipse', 'line', 'text'])
      await until(`${person.name} sees a ${kind}`, async () => (await person.shown(kind).count()) === 1)
  }
  const { at, size, color, width, filled } = only(await ben.shapes(), 'rectangle')
  is(
    'the rectangle',
    { at, size, color, width, filled },
    {
      at: [450, 150],
      size: [200, 120],
      color: 'blue',
      width: 8,
      filled: true,
    },
  )

  // Both write in one text at once.
  const field = '[data-testid=text-editor]'
  await key(ben, 'v')
  await ben.window.mouse.dblclick(480, 400)
  await ben.window.waitForSelector(field)
  await ben.window.keyboard.press('Home')
  await Promise.all([
    ada.window.keyboard.type(' wrote this', { delay: 15 }),
    ben.window.keyboard.type('Ben and ', { delay: 15 }),
  ])
  for (const { window } of both)
    await until('both wrote', async () => (await window.inputValue(field)) === 'Ben and Ada wrote this')
  for (const person of both) await key(person, 'Escape')
  for (const person of both)
    await until('the text is shown', async () =>
      (await person.shown('text').innerHTML()).includes('Ben and Ada wrote this'),
    )

  // One moves what the other colours: both last. The others see what is selected.
  await key(ada, 'Escape')
  await key(ben, 'Escape')
  await ada.window.mouse.click(550, 200)
  await until('Ben sees what Ada selected', () => ben.window.isVisible('[data-testid=theirs]'))
  await pull(
    ben,
    [
      [500, 200],
      [520, 240],
      [530, 260],
      [540, 280],
    ],
    () => click(ada, 'color-red'),
  )
  for (const person of both)
    await until('the rectangle is moved and red', async () => {
      const shape = only(await person.shapes(), 'rectangle')
      return shape.color === 'red' && shape.at[0] === 490 && shape.at[1] === 230
    })
  await pull(ben, [
    [696, 356],
    [720, 380],
    [746, 416],
  ])
  await until('the rectangle is larger', async () => only(await ada.shapes(), 'rectangle').size[0] === 250)

  // Pointers with names.
  await ben.window.mouse.move(700, 560)
  await until("Ada sees Ben's pointer", async () =>
    (await ada.window.locator('[data-testid=cursor]').allInnerTexts()).includes('Ben'),
  )
  await until('everything is saved', () => ada.window.isVisible('[data-testid=status][data-save=durable]'))
  await ada.picture('light')
  await ben.picture('dark')

  // Undo takes back one's own: the colour, then the text, and not what Ben did in between.
  await key(ada, 'Control+z')
  await until('the colour is undone', async () => only(await ben.shapes(), 'rectangle').color === 'blue')
  is("Ben's move stays", only(await ada.shapes(), 'rectangle').at, [490, 230])
  await click(ada, 'redo')
  await until('the colour is back', async () => only(await ben.shapes(), 'rectangle').color === 'red')
  await key(ben, 'Control+z')
  await until('the size is undone', async () => only(await ada.shapes(), 'rectangle').size[0] === 200)
  await key(ben, 'Control+z')
  await until('the move is undone, in one step', async () =>
    only(await ada.shapes(), 'rectangle').at.every((n, i) => n === [450, 150][i]),
  )

  // Gone and back.
  await key(ada, 'Escape')
  await ada.window.mouse.click(550, 200)
  await key(ada, 'Delete')
  await until('the rectangle is gone', async () => (await ben.shown('rectangle').count()) === 0)
  await key(ada, 'Control+z')
  await until('the rectangle is back', async () => (await ben.shown('rectangle').count()) === 1)
  await key(ben, 'e')
  await ben.window.mouse.click(150, 200)
  await until('the stroke is erased', async () => (await ada.shown('pen').count()) === 0)

  // The picture of it has all of it.
  await click(ada, 'export')
  const [download] = await Promise.all([
    ada.window.waitForEvent('download'),
    ada.window.click('[data-testid=export-svg]'),
  ])
  const drawing = await readFile(await download.path(), 'utf8')
  for (const part of ['<rect', '<ellipse', '<line', 'Ben and Ada wrote this'])
    if (!drawing.includes(part)) throw new Error(`the downloaded drawing has no ${part}`)

  // Another board, and back.
  const shapes = Object.keys(await ada.shapes()).length
  await key(ada, 'Escape')
  await click(ada, 'new-board')
  await until('a new board is empty', () => ada.window.isVisible('[data-testid=hint]'))
  await until('Ada has left', async () => (await people(ben)).length === 0)
  await ada.window.goBack()
  await until('the board is there again', async () => Object.keys(await ada.shapes()).length === shapes)

  // Who comes back has its name; a phone shows it all.
  await ada.window.reload()
  await until('the name is kept', async () => (await ada.window.inputValue('[data-testid=name]')) === 'Ada')
  const cleo = await arrive('Cleo', {
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    hasTouch: true,
    isMobile: true,
  })
  await until('the phone has it', async () => (await cleo.shown('ellipse').count()) === 1)
  const ellipse = () => cleo.shown('ellipse').boundingBox()
  await until('the phone shows all of it', async () => {
    const { x, width } = await ellipse()
    return x >= 0 && x + width <= 390
  })
  const { width: small } = await ellipse()
  await pinch(cleo)
  await until('two fingers zoom', async () => (await ellipse()).width > small * 1.5)
  is('two fingers draw nothing', await cleo.shown('pen').count(), 0)
  if (await cleo.window.isEnabled('[data-testid=undo]')) throw new Error('two fingers left something to undo')
  await cleo.picture('phone')

  if (problems.length > 0) throw new Error(`the page has problems:\n${problems.join('\n')}`)
}

async function pinch({ window }) {
  const session = await window.context().newCDPSession(window)
  const touch = (type, points) =>
    session.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: points.map(([x, y], id) => ({ x, y, id })),
    })
  await touch('touchStart', [[150, 400]])
  await touch('touchMove', [[152, 402]])
  await touch('touchStart', [
    [150, 400],
    [250, 400],
  ])
  for (let i = 1; i <= 10; i++)
    await touch('touchMove', [
      [150 - i * 5, 400],
      [250 + i * 5, 400],
    ])
  await touch('touchEnd', [])
}
