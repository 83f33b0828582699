// Shows the other people of the room, as their presence says.
export function showPeople(awareness, list) {
  const render = () => {
    const others = [...awareness.getStates()].filter(([client]) => client !== awareness.clientID)
    list.replaceChildren(...others.map(([client, state]) => item(client, state.user ?? {})))
  }
  awareness.on('change', render)
  render()
}

function item(client, user) {
  const dot = document.createElement('span')
  dot.className = 'dot'
  // What others send is only a colour if it looks like one.
  if (/^#[0-9a-f]{6}$/i.test(user.color)) dot.style.background = user.color
  const entry = document.createElement('li')
  entry.dataset.client = client
  entry.append(dot, String(user.name ?? 'Anonymous'))
  return entry
}
