// Builds the npm packages and checks them as their users get them: types, what publint and "are the types wrong" say, the
// client's size, and that docs/api is what the sources say. `node scripts/check-packages.mjs [--write]`; with --write it
// writes docs/api instead of comparing.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const write = process.argv.includes('--write')
const problems = []

/**
 * What a package may cost a page, minified and gzipped, in bytes: what is loaded with the page, and what is loaded later. Left out
 * is what the page has anyway: Yjs, lib0, which is a dependency of Yjs, and React.
 *
 * Minified as esbuild does by default; Rolldown, Vite's bundler, makes it 2 to 3 % smaller.
 */
const yjs = ['yjs', 'lib0/*']
const limits = {
  // First what every page needs; later the copy on the device, where rooms are kept offline, and what builds initial content,
  // where a room is entered with some.
  client: { first: 12 * 1024, later: 4 * 1024, external: yjs },
  react: {
    first: 5 * 1024,
    later: 0,
    external: [...yjs, 'react', 'react/jsx-runtime', '@symphony-rtc/client'],
  },
}

function run(command, args, cwd) {
  try {
    return execFileSync(join(root, 'node_modules/.bin', command), args, {
      cwd,
      encoding: 'utf8',
      stdio: 'pipe',
    })
  } catch (error) {
    problems.push(`${command} in ${cwd.slice(root.length + 1)}:\n${error.stdout}${error.stderr}`)
    return ''
  }
}

async function size(name, { first, later, external }) {
  const entry = join(root, 'packages', name, 'dist/index.js')
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    outdir: 'out',
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    metafile: true,
    absWorkingDir: root,
    external,
  })
  const parts = Object.entries(metafile.outputs).map(([path, part], i) => ({
    ...part,
    path,
    bytes: gzipSync(outputFiles[i].contents, { level: 9 }).length,
  }))
  // What the entry imports, and what that imports; the rest is imported when it is needed.
  const wanted = [parts.find((part) => part.entryPoint?.endsWith(`${name}/dist/index.js`))]
  for (const part of wanted) {
    const imported = part.imports.filter(({ kind, external }) => kind === 'import-statement' && !external)
    wanted.push(...parts.filter(({ path }) => imported.some((one) => one.path === path)))
  }
  const sum = (some) => some.reduce((bytes, part) => bytes + part.bytes, 0)
  const got = { first: sum([...new Set(wanted)]), later: sum(parts.filter((part) => !wanted.includes(part))) }
  for (const [when, limit] of Object.entries({ first, later })) {
    const kB = (bytes) => `${(bytes / 1024).toFixed(2)} kB`
    if (limit > 0)
      console.log(
        `  ${name.padEnd(7)} loaded ${when.padEnd(5)} ${kB(got[when])} min+gzip of at most ${kB(limit)}`,
      )
    if (got[when] > limit)
      problems.push(`packages/${name}, loaded ${when}: ${got[when]} bytes min+gzip, more than ${limit}`)
  }
}

/** What remains of a bundle that imports one name: a package without side effects leaves next to nothing. */
async function treeShakes(name, imported) {
  const stdin = {
    contents: `import { ${imported} } from '@symphony-rtc/${name}'; console.log(${imported})`,
    resolveDir: join(root, 'packages', name),
  }
  const options = { bundle: true, minify: true, format: 'esm', write: false, external: limits[name].external }
  const [out] = (await build({ stdin, ...options })).outputFiles
  if (out.contents.length > 1500)
    problems.push(`packages/${name} does not shake: ${imported} alone takes ${out.contents.length} bytes`)
}

function reference(name) {
  const out = mkdtempSync(join(tmpdir(), 'symphony-api-'))
  run('typedoc', ['--options', 'typedoc.json', '--out', out], join(root, 'packages', name))
  const file = join(root, 'docs/api', `${name}.md`)
  const made = read(join(out, 'README.md'))
  rmSync(out, { recursive: true })
  if (write) writeFileSync(file, made)
  else if (made !== read(file))
    problems.push(`docs/api/${name}.md is not what the sources say: make api-docs`)
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

for (const name of ['client', 'react']) {
  const dir = join(root, 'packages', name)
  const before = problems.length
  rmSync(join(dir, 'dist'), { recursive: true, force: true })
  run('tsc', ['-p', 'tsconfig.build.json'], dir)
  if (problems.length > before) break // the rest needs what could not be built
  run('tsc', ['-p', 'tsconfig.json'], dir)
  run('publint', ['--strict'], dir)
  run('attw', ['--pack', '.', '--profile', 'esm-only', '--format', 'ascii'], dir)
  await size(name, limits[name])
  reference(name)
}
if (problems.length === 0) await treeShakes('client', 'SymphonyError')

if (problems.length > 0) {
  console.error(problems.join('\n\n'))
  process.exitCode = 1
}
