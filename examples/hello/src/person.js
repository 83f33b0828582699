// Who this window is. Kept in the session's storage, so that each window is a person of its own.
const key = 'symphony-person'
const moods = ['Calm', 'Bright', 'Quick', 'Gentle', 'Bold', 'Warm', 'Merry', 'Quiet']
const instruments = ['Cello', 'Oboe', 'Harp', 'Viola', 'Flute', 'Horn', 'Lute', 'Tuba']
const colors = ['#d6336c', '#7048e8', '#1c7ed6', '#0c8599', '#2b8a3e', '#e8590c', '#9c36b5', '#a6730c']

export function loadPerson(storage) {
  const kept = storage.getItem(key)
  if (kept) return JSON.parse(kept)
  const color = pick(colors)
  return keep(storage, { name: `${pick(moods)} ${pick(instruments)}`, color, colorLight: `${color}33` })
}

export function rename(storage, person, name) {
  return keep(storage, { ...person, name: name.trim() || 'Anonymous' })
}

function keep(storage, person) {
  storage.setItem(key, JSON.stringify(person))
  return person
}

function pick(list) {
  return list[Math.floor(Math.random() * list.length)]
}
