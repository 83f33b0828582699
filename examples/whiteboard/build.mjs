// Builds the page into dist/, which whiteboard.go embeds. Everything it needs is in the bundle: no other host is asked.
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
await writeFile(`${out}/assets/licenses.txt`, await licenses(Object.keys(result.metafile.inputs)))
const page = await readFile(`${here}src/index.html`, 'utf8')
await writeFile(
  `${out}/index.html`,
  page.replace('{{script}}', () => asset('.js')).replace('{{style}}', () => asset('.css')),
)
for (const extension of ['.js', '.css']) {
  const bytes = await readFile(`${out}${asset(extension)}`)
  const kB = (n) => (n / 1000).toFixed(1)
  console.log(
    `examples/whiteboard${asset(extension)}: ${kB(bytes.length)} kB, ${kB(gzipSync(bytes).length)} kB gzip`,
  )
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
