// The room of this page: ?room=name or #name, or "demo".
export function roomFromLocation({ search, hash }) {
  return new URLSearchParams(search).get('room') || fragment(hash) || 'demo'
}

// The address that opens the same room in another window.
export function roomLink({ origin, pathname }, room) {
  return `${origin}${pathname}#${encodeURIComponent(room)}`
}

function fragment(hash) {
  const text = hash.slice(1)
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a percent sign that escapes nothing is part of the name
  }
}
