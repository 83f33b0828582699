/** What a page hears that matters to a connection. `visibilitychange`: the window is looked at again. */
export type PageEvent = 'online' | 'offline' | 'pageshow' | 'pagehide' | 'visibilitychange'

const events: PageEvent[] = ['online', 'offline', 'pageshow', 'pagehide', 'visibilitychange']

/** Tells what happens to the page; nothing where there is none, as in Node.js. Returns a function that ends it. */
export function watchPage(tell: (event: PageEvent) => void): () => void {
  const { window } = globalThis as { window?: Window }
  const heard = ({ type }: Event) => {
    if (type !== 'visibilitychange' || !document.hidden) tell(type as PageEvent)
  }
  for (const name of events) window?.addEventListener?.(name, heard)
  return () => {
    for (const name of events) window?.removeEventListener?.(name, heard)
  }
}

/** Whether the browser says that there is no network. It may be wrong, and a server on this machine needs none. */
export function noNetwork(): boolean {
  return globalThis.navigator?.onLine === false
}
