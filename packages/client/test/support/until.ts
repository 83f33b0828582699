/** Waits for something that is expected to happen, far longer than it needs on a slow machine. */
export async function until(condition: () => unknown, patience = 20_000): Promise<void> {
  const end = Date.now() + patience
  while (!condition()) {
    if (Date.now() > end) throw new Error(`this did not happen: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
