// Which board this page shows: ?room=name or #name, or "whiteboard".
import { useSyncExternalStore } from 'react'

export function roomFromLocation({ search, hash }: Pick<Location, 'search' | 'hash'>): string {
  const id = fragment(hash) || new URLSearchParams(search).get('room') || 'whiteboard'
  // The server takes ids of up to 255 bytes; who wrote a longer one gets a board, too.
  return new TextEncoder().encode(id).length <= 255 && !/^\.{1,2}$/.test(id) ? id : 'whiteboard'
}

/** The address that opens a board in another window. */
export function linkTo(room: string): string {
  return `${window.location.origin}${window.location.pathname}#${encodeURIComponent(room)}`
}

/** The board of the address, which follows it without loading the page anew. */
export function useRoomId(): string {
  return useSyncExternalStore(subscribe, () => roomFromLocation(window.location))
}

export function openNewBoard(): void {
  window.location.hash = `board-${Math.random().toString(36).slice(2, 10)}`
}

function subscribe(changed: () => void): () => void {
  window.addEventListener('hashchange', changed)
  return () => window.removeEventListener('hashchange', changed)
}

function fragment(hash: string): string {
  const text = hash.slice(1)
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a percent sign that escapes nothing is part of the name
  }
}
