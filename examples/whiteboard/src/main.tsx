import { SymphonyClient } from '@symphony-rtc/client'
import { RoomProvider, SymphonyProvider } from '@symphony-rtc/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { useRoomId } from './location.js'
import type { Presence } from './model/board.js'
import { Page } from './page.js'
import { loadPerson } from './person.js'

// What the others see of this window until it moves a pointer.
const presence: Presence = { ...loadPerson(), cursor: null, selection: [] }
const client = new SymphonyClient(window.location.origin)

function App() {
  const id = useRoomId()
  return (
    <RoomProvider key={id} id={id} initialPresence={presence}>
      <Page client={client} />
    </RoomProvider>
  )
}

// Opens the page without network, too. Browsers have it on https and on localhost.
if (window.isSecureContext) {
  // Without it the page works as long as the server can be reached.
  navigator.serviceWorker?.register('/sw.js').catch((error) => console.warn('no service worker:', error))
}

createRoot(document.getElementById('app') as HTMLElement).render(
  <StrictMode>
    <SymphonyProvider client={client}>
      <App />
    </SymphonyProvider>
  </StrictMode>,
)
