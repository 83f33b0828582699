/** Calls a function at most once a frame, with the last value: pointers report more often than anybody can see. */
export function eachFrame<T>(call: (value: T) => void) {
  let waiting: { value: T } | undefined
  let frame = 0
  const now = () => {
    cancelAnimationFrame(frame)
    frame = 0
    if (waiting) call(waiting.value)
    waiting = undefined
  }
  return {
    ask(value: T) {
      waiting = { value }
      frame ||= requestAnimationFrame(now)
    },
    now,
    drop() {
      cancelAnimationFrame(frame)
      frame = 0
      waiting = undefined
    },
  }
}
