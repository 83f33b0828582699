// Who this window is. A name that was chosen is kept for next time; one that was given, and the colour, belong to the
// window, so that two windows of one browser are two people.
const chosen = 'symphony-name'
const given = 'symphony-person'
const moods = ['Calm', 'Bright', 'Quick', 'Gentle', 'Bold', 'Warm', 'Merry', 'Quiet']
const instruments = ['Cello', 'Oboe', 'Harp', 'Viola', 'Flute', 'Horn', 'Lute', 'Tuba']
const colors = ['#d6336c', '#7048e8', '#1c7ed6', '#0b7285', '#2b8a3e', '#d9480f', '#9c36b5', '#a61e4d']

export interface Person {
  name: string
  color: string
}

export function loadPerson(): Person {
  const kept = read(() => JSON.parse(sessionStorage.getItem(given) ?? 'null') as Person | null)
  const person = kept ?? { name: `${pick(moods)} ${pick(instruments)}`, color: pick(colors) }
  read(() => sessionStorage.setItem(given, JSON.stringify(person)))
  return { ...person, name: read(() => localStorage.getItem(chosen)) || person.name }
}

/** Another colour for this window, one that nobody has; undefined if there is none. */
export function anotherColor(taken: readonly string[]): string | undefined {
  const free = colors.filter((color) => !taken.includes(color))
  if (free.length === 0) return undefined
  const person = { ...loadPerson(), color: pick(free) }
  read(() => sessionStorage.setItem(given, JSON.stringify(person)))
  return person.color
}

export function keepName(name: string): void {
  read(() => localStorage.setItem(chosen, name))
}

/** What another client sent as its colour, if it is one. */
export function colorOf(value: unknown): string {
  return typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value) ? value : '#868e96'
}

/** What another client sent as its name, made fit to show. */
export function nameOf(value: unknown): string {
  return (typeof value === 'string' && value.trim().slice(0, 40)) || 'Anonymous'
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/)
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words
  return letters
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toUpperCase()
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T
}

// Storage that the browser forbids is as good as empty.
function read<T>(access: () => T): T | undefined {
  try {
    return access()
  } catch {
    return undefined
  }
}
