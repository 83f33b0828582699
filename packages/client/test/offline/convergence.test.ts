import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newFactory, newKey, noChannel, openTab, stored, type Tab, until } from './setup.js'

/** How many tabs there may be at once. */
const places = 3

type Step = { place: number } & (
  | { do: 'open' | 'close' | 'insert' | 'delete' | 'setGeneration' | 'large' }
  | { do: 'wait'; turns: number }
)

const place = fc.nat(places - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ place, do: fc.constant('insert' as const) }) },
  { weight: 3, arbitrary: fc.record({ place, do: fc.constantFrom('open' as const, 'close' as const) }) },
  { weight: 3, arbitrary: fc.record({ place, do: fc.constant('wait' as const), turns: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.record({ place, do: fc.constant('delete' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ place, do: fc.constantFrom('large' as const, 'setGeneration' as const) }),
  },
)

/** Runs the steps on tabs of one device, against a model: which elements were inserted and which were deleted. */
async function run(steps: Step[], channels: boolean): Promise<void> {
  const key = newKey()
  const indexedDB = newFactory()
  const open = () => openTab({ key, indexedDB, BroadcastChannel: channels ? BroadcastChannel : noChannel })
  const tabs: (Tab | undefined)[] = [open()]
  const closing: Promise<void>[] = []
  const seen: Tab[] = [...(tabs as Tab[])]
  const inserted = new Set<string>()
  const deleted = new Set<string>()
  for (const [n, step] of steps.entries()) {
    const tab = tabs[step.place]
    if (step.do === 'wait') {
      for (let i = 0; i < step.turns; i++) await new Promise((resolve) => setImmediate(resolve))
    } else if (step.do === 'open') {
      if (!tab) {
        const opened = open()
        tabs[step.place] = opened
        seen.push(opened)
      }
    } else if (!tab) {
      // Nobody is there to do it.
    } else if (step.do === 'close') {
      closing.push(tab.close())
      tabs[step.place] = undefined
    } else if (step.do === 'setGeneration') {
      tab.copy.setGeneration(1)
    } else if (step.do === 'large') {
      // Two of them are more than what makes a store worth compacting.
      tab.doc.getMap('map').set('large', String(n % 10).repeat(700_000))
    } else {
      const list = tab.doc.getArray<string>('list')
      if (step.do === 'insert') {
        inserted.add(`${n}`)
        list.insert(n % (list.length + 1), [`${n}`])
      } else if (list.length > 0) {
        deleted.add(list.get(n % list.length))
        list.delete(n % list.length)
      }
    }
  }
  const expected = [...inserted].filter((element) => !deleted.has(element)).sort()
  if (channels) {
    const last = tabs.filter((tab) => tab !== undefined)
    await Promise.all(last.map(({ copy }) => copy.loaded))
    const texts = () => new Set(last.map(({ doc }) => JSON.stringify(doc.getArray('list').toArray())))
    await until(() => texts().size <= 1)
  }
  await Promise.all([...closing, ...tabs.map((tab) => tab?.close())])
  const again = open()
  await again.copy.loaded
  expect([...again.doc.getArray<string>('list').toArray()].sort()).toEqual(expected)
  expect(seen.map(({ warnings, stales }) => [warnings.length, stales])).toEqual(seen.map(() => [0, 0]))
  expect((await stored(indexedDB, key)).sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(8 << 20)
  await again.close()
}

for (const channels of [true, false]) {
  test(`random edits in tabs that open and close: nothing is lost, nothing doubles (${channels ? 'with' : 'without'} channels)`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => run(steps, channels)),
      { numRuns: 150, endOnFailure: false, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: false },
    )
  })
}
