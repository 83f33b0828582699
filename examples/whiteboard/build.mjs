// Builds the page into dist/, which whiteboard.go embeds. Everything it needs is in the bundle: no other host is asked.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const packages = fileURLToPath(new URL('../../packages', import.meta.url))
const out = `${here}dist`

await mkdir(out, { recursive: true })
for (const name of await readdir(out)) {
  if (name !== 'README.md') await rm(`${out}/${name}`, { recursive: true })
}
const result = await build({
  entryPoints: [`${here}src/main.tsx`, `${here}src/style.css`],
  outdir: `${out}/assets`,
  entryNames: '[name]-[hash]', // a name that changes with its content may be cached for ever
  bundle: true,
  minify: true,
  format: 'esm',
  jsx: 'automatic',
  target: ['es2022', 'chrome114', 'firefox125', 'safari17'],
  define: { 'process.env.NODE_ENV': '"production"' },
  // The packages' sources, so that the page needs no build of them. In an application of your own these lines are not there.
  alias: {
    '@symphony-rtc/client': `${packages}/client/src/index.ts`,
    '@symphony-rtc/react': `${packages}/react/src/index.ts`,
  },
  legalComments: 'none', // the licences are written out below
  metafile: true,
})

const asset = (extension) => {
  const path = Object.keys(result.metafile.outputs).find((name) => name.endsWith(extension))
  return `/assets/${basename(path)}`
}
const assets = ['.js', '.css'].map(asset)
await writeFile(`${out}/assets/licenses.txt`, await licenses(Object.keys(result.metafile.inputs)))
const page = await readFile(`${here}src/index.html`, 'utf8')
await writeFile(
  `${out}/index.html`,
  page.replace('{{script}}', () => asset('.js')).replace('{{style}}', () => asset('.css')),
)
await writeFile(`${out}/sw.js`, serviceWorker(await readFile(`${here}src/sw.js`, 'utf8')))
for (const path of assets) {
  const bytes = await readFile(`${out}${path}`)
  const kB = (n) => (n / 1000).toFixed(1)
  console.log(`examples/whiteboard${path}: ${kB(bytes.length)} kB, ${kB(gzipSync(bytes).length)} kB gzip`)
}

// The service worker with what it is to keep. Another page makes it another service worker, which browsers notice.
function serviceWorker(source) {
  const files = ['/', asset('.js'), asset('.css')]
  const version = createHash('sha256').update(page).update(files.join()).digest('hex').slice(0, 12)
  return source
    .replace("'{{version}}'", () => JSON.stringify(`symphony-whiteboard-${version}`))
    .replace("['{{files}}']", () => JSON.stringify(files))
}

// The licence texts of the packages that the bundle contains.
async function licenses(inputs) {
  const roots = new Set(
    inputs.map((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]).filter(Boolean),
  )
  const texts = []
  for (const root of [...roots].sort()) {
    const { name, version, license } = JSON.parse(await readFile(`${root}/package.json`, 'utf8'))
    const file = (await readdir(root)).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file ? await readFile(`${root}/${file}`, 'utf8') : `${license} license\n`
    texts.push(`${name} ${version}\n\n${text}`)
  }
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}
