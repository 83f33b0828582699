// Builds the page into dist/. Everything it needs is in the bundle: no other host is asked.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const out = `${here}dist`

await mkdir(out, { recursive: true })
for (const name of await readdir(out)) {
  if (name !== 'README.md') await rm(`${out}/${name}`, { recursive: true })
}
const result = await build({
  entryPoints: [`${here}src/main.js`, `${here}src/style.css`],
  outdir: `${out}/assets`,
  entryNames: '[name]-[hash]', // a name that changes with its content may be cached for ever
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
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
const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0)
console.log(`built examples/hello/dist (${Math.round(bytes / 1024)} KiB)`)

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
