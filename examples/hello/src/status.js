// Shows how the connection is. States: connecting, connected (and up to date), offline, closed (for good).
export function showStatus(provider, label) {
  let closed = null
  let wasConnected = false
  const render = () => {
    if (closed) return set('closed', closed)
    if (provider.synced) {
      wasConnected = true
      return set('connected', 'connected')
    }
    if (wasConnected) return set('offline', 'offline: what you type is kept here and sent later')
    set('connecting', 'connecting')
  }
  const set = (state, text) => {
    label.dataset.state = state
    label.textContent = text
  }
  provider.on('status', render)
  provider.on('sync', render)
  provider.on('closed', ({ code, reason }) => {
    closed = `disconnected by the server: ${reason || code}`
    render()
  })
  render()
}
