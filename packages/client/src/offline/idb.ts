/** The result of a request, as a promise. */
export function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

/**
 * Runs `body` in one transaction over both stores of a room's database and resolves with its result once that is committed.
 * Everything is undone if `body` throws. The body must wait for nothing but requests of this transaction.
 *
 * Durability is relaxed: what was committed survives the end of the page and of the browser, but the last moments
 * before a power cut may be missing. Asking for more would cost a disk flush per edit.
 */
export async function transact<T>(
  db: IDBDatabase,
  body: (tx: IDBTransaction) => T | Promise<T>,
): Promise<Awaited<T>> {
  const tx = db.transaction(['updates', 'meta'], 'readwrite', { durability: 'relaxed' })
  const end = new Promise<void>((resolve, reject) => {
    tx.oncomplete = () => resolve()
    tx.onabort = () => reject(tx.error ?? new Error('the transaction was aborted'))
  })
  end.catch(() => {})
  let result: Awaited<T>
  try {
    result = await body(tx)
  } catch (error) {
    try {
      tx.abort()
    } catch {
      // It had ended by itself, and its own error says more.
    }
    throw tx.error ?? error
  }
  await end
  return result
}
