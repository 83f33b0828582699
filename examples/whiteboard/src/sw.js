// Lets the page open without a network, for boards that this device keeps. The build fills in what there is to be kept.
// From the server as long as it answers, so that nobody sees an old page.
const name = '{{version}}'
const files = ['{{files}}']

self.addEventListener('install', (event) => {
  const keep = caches.open(name).then((cache) => cache.addAll(files))
  event.waitUntil(keep.then(() => self.skipWaiting()))
})

self.addEventListener('activate', (event) => {
  event.waitUntil(forgetOlder().then(() => self.clients.claim()))
})

self.addEventListener('fetch', (event) => {
  const { origin, pathname } = new URL(event.request.url)
  if (event.request.method !== 'GET' || origin !== self.location.origin || !files.includes(pathname)) return
  event.respondWith(fetch(event.request).catch(() => caches.match(pathname, { cacheName: name })))
})

async function forgetOlder() {
  const all = await caches.keys()
  const older = all.filter((other) => other.startsWith('symphony-whiteboard-') && other !== name)
  await Promise.all(older.map((other) => caches.delete(other)))
}
