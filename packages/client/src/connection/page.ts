/** What a page hears that matters to a connection. `visible`: the window is looked at again. */
export type PageEvent = 'online' | 'offline' | 'pageshow' | 'pagehide' | 'visible'

/** Tells what happens to the page; nothing where there is none, as in Node.js. Returns a function that ends it. */
export function watchPage(tell: (event: PageEvent) => void): () => void {
  const { window, document } = globalThis as { window?: Window; document?: Document }
  const heard = (event: Event) => {
    if (event.type !== 'visibilitychange') tell(event.type as PageEvent)
    else if (document?.visibilityState === 'visible') tell('visible')
  }
  const names = ['online', 'offline', 'pageshow', 'pagehide'] as const
  for (const name of names) window?.addEventListener?.(name, heard)
  document?.addEventListener?.('visibilitychange', heard)
  return () => {
    for (const name of names) window?.removeEventListener?.(name, heard)
    document?.removeEventListener?.('visibilitychange', heard)
  }
}

/** Whether the browser says that there is no network. It may be wrong, and a server on this machine needs none. */
export function noNetwork(): boolean {
  return globalThis.navigator?.onLine === false
}
