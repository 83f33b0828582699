// Two people draw on the whiteboard in real browsers, each with a profile of its own, while one loses the network and the server
// is killed. The Go test that starts this kills and starts the server: this prints the name of each stage that it has
// reached, and waits for a line before it goes on.
//
//   node whiteboard_saving.mjs <server's host:port> <directory for screenshots> <path of Chromium>
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { converse, launch, patience, until } from './page.mjs'

const [server, screenshots, executablePath] = process.argv.slice(2)
const room = `zwei Fenster/🎻 ${process.pid}`
const { stage, close } = converse()
const cleanUp = [close]

/** The way from one person's browser to the server. Cut, nothing gets through, and what was open is reset. */
async function network() {
  const [host, port] = server.split(':')
  const open = new Set()
  let up = true
  const listener = createServer((client) => {
    if (!up) return client.destroy()
    const upstream = connect(Number(port), host)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ]) {
      open.add(from)
      from.pipe(to)
      from.on('error', () => {})
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
    }
  })
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve))
  cleanUp.push(() => {
    for (const socket of open) socket.destroy()
    listener.close()
  })
  return {
    origin: `http://127.0.0.1:${listener.address().port}`,
    cut() {
      up = false
      for (const socket of open) socket.destroy()
    },
    mend() {
      up = true
    },
  }
}

/** A person with a browser, a profile and a network of its own. */
class Person {
  problems = []

  static async arrive(name) {
    const person = new Person()
    person.name = name
    person.network = await network()
    const profile = await mkdtemp(join(tmpdir(), 'symphony-whiteboard-'))
    cleanUp.push(() => rm(profile, { recursive: true, force: true }))
    person.browser = await chromium.launchPersistentContext(profile, {
      ...launch(executablePath),
      viewport: { width: 1000, height: 700 },
    })
    cleanUp.push(() => person.browser.close())
    person.browser.setDefaultTimeout(patience)
    await person.open()
    return person
  }

  /** Opens the board in a new tab. */
  async open() {
    this.page = await this.browser.newPage()
    this.page.on('pageerror', (error) => this.problems.push(`${this.name}: ${error.stack}`))
    await this.page.goto(`${this.network.origin}/#${encodeURIComponent(room)}`)
    await this.page.waitForFunction(() => window.symphony)
    // What the page said of itself from now on, to be judged later.
    await this.page.evaluate(() => {
      const { room } = window.symphony
      window.told = [room.saveStatus]
      room.on('saveStatus', (status) => window.told.push(status))
    })
  }

  shapes() {
    return this.page.evaluate(() => window.symphony.room.newMap('shapes').toJSON())
  }

  async count() {
    return Object.keys(await this.shapes()).length
  }

  shown() {
    return this.page.locator('[data-testid=shape]').count()
  }

  saveStatus() {
    return this.page.evaluate(() => window.symphony.room.saveStatus)
  }

  indicator(name) {
    return this.page.locator('[data-testid=status]').getAttribute(`data-${name}`)
  }

  /** Draws by hand: chooses a tool by its key and pulls the mouse. */
  async draw(key, from, to, half = async () => {}) {
    const { mouse, keyboard } = this.page
    await keyboard.press(key)
    await mouse.move(...from)
    await mouse.down()
    const steps = 12
    for (let i = 1; i <= steps; i++) {
      const part = i / steps
      await mouse.move(from[0] + (to[0] - from[0]) * part, from[1] + (to[1] - from[1]) * part)
      if (i === steps / 2) await half()
    }
    await mouse.up()
    await keyboard.press('Escape')
  }

  async seesShapes(n) {
    await until(`${this.name} sees ${n} shapes`, async () => (await this.shown()) === n)
    if ((await this.count()) !== n)
      throw new Error(`${this.name} has ${await this.count()} shapes, shows ${n}`)
  }

  async isSaved() {
    await until(
      `${this.name} is told that all is saved`,
      async () => (await this.indicator('save')) === 'durable',
    )
  }

  picture(name) {
    return this.page.screenshot({ path: join(screenshots, `whiteboard-${name}.png`) })
  }
}

async function same(...people) {
  await until('all have the same', async () => {
    const all = await Promise.all(people.map(async (p) => JSON.stringify(sorted(await p.shapes()))))
    return all.every((one) => one === all[0])
  })
}

function sorted(shapes) {
  return Object.entries(shapes).sort(([a], [b]) => (a < b ? -1 : 1))
}

async function run() {
  const ada = await Person.arrive('Ada')
  const ben = await Person.arrive('Ben')

  // Both draw and see each other.
  await ada.draw('p', [200, 200], [400, 300])
  await ben.seesShapes(1)
  await ben.draw('r', [450, 200], [600, 320])
  await ada.seesShapes(2)
  await until('Ada sees Ben', async () => (await ada.page.locator('[data-testid=person]').count()) === 1)
  await until(
    "Ben sees Ada's cursor",
    async () => (await ben.page.locator('[data-testid=cursor]').count()) === 1,
  )
  await ada.isSaved()
  await ben.isSaved()
  await ada.picture('two-people')

  // Undo takes back one's own work and leaves the other's.
  await ada.page.keyboard.press('Control+z')
  await ben.seesShapes(1)
  await ada.page.keyboard.press('Control+z')
  await ada.seesShapes(1)
  if ((await ben.count()) !== 1) throw new Error("Ada's undo took Ben's work")
  await ada.page.keyboard.press('Control+Shift+z')
  await ben.seesShapes(2)
  await same(ada, ben)

  // Ada loses the network, goes on, closes the tab, opens it again without network, and comes back.
  ada.network.cut()
  await until('Ada is told', async () => (await ada.indicator('mood')) === 'away')
  await ada.draw('o', [200, 400], [320, 480])
  await ada.draw('l', [350, 400], [450, 480])
  await ada.seesShapes(4)
  await ben.draw('r', [650, 200], [720, 260])
  await ben.seesShapes(3)
  if ((await ada.saveStatus()) !== 'local')
    throw new Error(`without a network Ada is told ${await ada.saveStatus()}`)
  await ada.picture('offline')
  await ada.page.close()
  await ada.open()
  await ada.seesShapes(4)
  await until('Ada is told again', async () => (await ada.indicator('mood')) === 'away')
  if ((await ada.saveStatus()) !== 'local')
    throw new Error(`after reopening Ada is told ${await ada.saveStatus()}`)
  await ada.picture('reopened-offline')
  const told = await ada.page.evaluate(() => window.told)
  if (told.some((status) => status !== 'local')) throw new Error(`without a network Ada was told ${told}`)
  ada.network.mend()
  await ada.seesShapes(5)
  await ben.seesShapes(5)
  await ada.isSaved()
  await same(ada, ben)

  // The server is killed while both draw.
  await Promise.all([
    ada.draw('p', [200, 550], [420, 600], () => stage('kill')),
    ben.draw('p', [500, 550], [720, 600]),
  ])
  await until('Ada notices', async () => (await ada.indicator('connection')) !== 'connected')
  await ben.draw('r', [750, 400], [800, 450])
  if ((await ben.saveStatus()) !== 'local')
    throw new Error(`without a server Ben is told ${await ben.saveStatus()}`)
  await stage('start')
  await ada.seesShapes(8)
  await ben.seesShapes(8)
  await ada.isSaved()
  await ben.isSaved()
  await same(ada, ben)

  // What was said to be saved is there after a kill, for somebody who was never here before.
  await stage('kill')
  await stage('start')
  const eve = await Person.arrive('Eve')
  await eve.seesShapes(8)
  await same(ada, ben, eve)
  await eve.picture('saved')
  const problems = [ada, ben, eve].flatMap((person) => person.problems)
  if (problems.length > 0) throw new Error(problems.join('\n'))
}

try {
  await run()
  console.log('done')
} finally {
  for (const step of cleanUp.reverse()) await step()
}
