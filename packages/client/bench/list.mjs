// How long a list of 10,000 elements takes beside a plain array: `node packages/client/bench/list.mjs`.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const dir = await mkdtemp(join(here, '.list-'))
const count = 10_000
const rounds = 200

try {
  const entry = `export * as Y from 'yjs'; export * from ${JSON.stringify(join(here, '../src/synced/index.ts'))}`
  const outfile = join(dir, 'synced.mjs')
  await build({
    stdin: { contents: entry, resolveDir: here },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile,
  })
  const { Y, wrap, newNestedMap } = await import(outfile)

  const doc = new Y.Doc()
  const list = wrap(doc.getArray('list'))
  list.push(...Array.from({ length: count }, (_, i) => ({ id: i, done: i % 3 === 0 })))
  const array = list.toArray()

  const against = (name, fn) => compare(list, array, name, fn)
  console.log(`${count} elements, median of ${rounds}; ratio to a plain array`)
  against('find', (all) => all.find((element) => element.id === count - 1))
  against('map', (all) => all.map((element) => element.id))
  against('filter', (all) => all.filter((element) => element.done))
  against('some', (all) => all.some((element) => element.id === count))
  against('every', (all) => all.every((element) => element.id >= 0))
  against('iterate', (all) => {
    let sum = 0
    for (const element of all) sum += element.id
    return sum
  })
  const get = (all) => (list === all ? (i) => all.get(i) : (i) => all[i])
  against('get each', (all) => {
    const at = get(all)
    let sum = 0
    for (let i = 0; i < count; i++) sum += at(i).id
    return sum
  })

  console.log('\nthe first read after a change, and changes, in ms')
  show('change, then map', () => {
    list.set(5, { id: 5, done: false })
    list.map((element) => element.id)
  })
  show('change', () => list.set(5, { id: 5, done: false }))
  show(
    'push 1,000 in one transaction',
    () => {
      doc.transact(() => {
        for (let i = 0; i < 1000; i++) list.push(i)
      })
      list.delete(count, 1000)
    },
    10,
  )
  const maps = wrap(doc.getArray('maps'))
  show(
    'push 1,000 nested maps',
    () => {
      doc.transact(() => {
        for (let i = 0; i < 1000; i++) maps.push(newNestedMap().set('id', i))
      })
    },
    10,
  )
  const moved = wrap(doc.getArray('moved'))
  for (let i = 0; i < 1000; i++) moved.push({ id: i })
  let i = 0
  show('move, one of 1,000, until all were', () => moved.move(i++, 500), 1000)
  show('the first read after a change of it', () => {
    moved.push(1)
    moved.map((element) => element.id)
  })
} finally {
  await rm(dir, { recursive: true })
}

function compare(list, array, name, fn) {
  // Interleaved, so that whatever else the machine does slows both.
  const times = [[], []]
  for (let round = 0; round < rounds; round++)
    for (const which of [0, 1]) times[which].push(time(() => fn(which ? array : list)))
  const [ours, plain] = times.map(median)
  console.log(
    `${name.padEnd(10)} ${(ours / plain).toFixed(2).padStart(5)}   (${ours.toFixed(3)} ms and ${plain.toFixed(3)} ms)`,
  )
}

function show(name, fn, times = 50) {
  console.log(`${name.padEnd(36)} ${median(Array.from({ length: times }, () => time(fn))).toFixed(3)}`)
}

function time(fn) {
  const start = performance.now()
  fn()
  return performance.now() - start
}

function median(times) {
  return times.sort((a, b) => a - b)[times.length >> 1]
}
