import { defaultMaxMessage } from '../connection/numbers.js'
import { byteLength, fail, invalid, tooLarge, twoCopies } from '../errors.js'
import { Y } from '../yjs.js'
import { movedKey } from './moves.js'
import { docOf, isUnattached, nest, Synced } from './synced.js'
import { isSyncable, wrap } from './wrap.js'

/** Most bytes that one call may store in a document. */
const limitOf = new WeakMap<Y.Doc, number>()
/** How deep plain values may be nested: deeper ones overflow the stack of some client or server that reads them. */
const maxDepth = 200

/** Sets how many bytes one call may store in a document, as its server says. */
export function setLimit(doc: Y.Doc, bytes: number): void {
  limitOf.set(doc, bytes)
}

/**
 * Checks what a call is to store and copies it, so that nothing that the application does to its own objects later reaches
 * the document. Throws before anything is changed. What it returns takes a function that writes the values, and calls it
 * in a transaction.
 */
export function prepare(
  target: Synced,
  call: string,
  values: readonly unknown[],
): (write: (values: any[]) => void) => void {
  const check = checker(call, target)
  const nested: [Synced, Y.AbstractType<any>][] = []
  const seen = new Set<unknown>()
  const checked = values.map((value) => {
    const synced = value instanceof Synced
    if (!synced && !(value instanceof Y.AbstractType)) return check(value, target.type instanceof Y.Array)
    if (seen.has(value) || (synced ? !isUnattached(value) : value.doc))
      invalid(`${call}: this type is in use already; nest its copy(), or list.move()`)
    seen.add(value)
    if (!synced) return value
    if (docOf(value) === docOf(target)) invalid(`${call}: a type cannot be nested in itself; nest its copy()`)
    const type = hollow(value.type)
    nested.push([value, type])
    return type
  })
  return (write) =>
    target.change(() => {
      write(checked)
      for (const [synced, type] of nested) nest(synced, type)
    })
}

/** What is stored in the place of a value when the type that it is in gets nested; a type comes back empty, see `refill`. */
export function hollow(value: any): any {
  if (!(value instanceof Y.AbstractType)) return value
  return isSyncable(value) ? new (value.constructor as new () => Y.AbstractType<any>)() : value.clone()
}

/** Moves the content of a value into its hollow one, which was stored meanwhile. */
export function refill(value: any, hollowed: any): void {
  if (isSyncable(value)) nest(wrap(value), hollowed)
}

/** Checks and copies a plain value that is not an element: attributes of text, embedded objects. */
export function preparePlain(target: Synced, call: string, value: unknown): any {
  return checker(call, target)(value)
}

/** Checks an index; `hint`: what to do instead, if there is something. */
export function checkIndex(call: string, index: number, max: number, hint = ''): void {
  if (!isCount(index) || index > max)
    invalid(`${call}: ${max < 0 ? 'the list is empty' : `an index may be 0 to ${max}`}${hint}`)
}

/** Checks how many are to be deleted or formatted. */
export function checkCount(call: string, count: number): void {
  if (!isCount(count)) invalid(`${call}: a count must be a whole number`)
}

const isCount = (n: number): boolean => Number.isInteger(n) && n >= 0

/** Checks a key of a map. */
export function checkKey(target: Synced, call: string, key: unknown): void {
  if (typeof key !== 'string') invalid(`${call}: the key is a ${typeof key}; use String(key)`)
  preparePlain(target, call, key)
}

const instead: Record<string, string> = {
  Date: 'store date.toISOString() or date.getTime()',
  Map: 'store Object.fromEntries(map)',
  Set: 'store [...set]',
}
const loneSurrogate = /[\ud800-\udfff]/u
const insteadOfPlain = 'nest maps and lists instead'

/**
 * Checks plain values and copies them. All that one checker checks counts together.
 *
 * @returns what checks a value; `list`: it is to be an element of a list
 */
function checker(call: string, target: Synced): (value: any, list?: boolean) => any {
  const limit = limitOf.get(docOf(target)) ?? defaultMaxMessage
  const ancestors: object[] = []
  let bytes = 0

  const refuse = (path: string, what: string, fix: string): never =>
    fail('unsupported-value', `${call}: value${path} cannot be stored: ${what}; ${fix}`)

  const copy = (value: unknown, path: string): unknown => {
    bytes += 2
    switch (typeof value) {
      case 'string':
        if (loneSurrogate.test(value)) refuse(path, 'half of a surrogate pair', 'cut it elsewhere')
        bytes += bytes + value.length * 3 > limit ? byteLength(value) : value.length
        return value
      case 'bigint':
        if (value !== BigInt.asIntN(64, value))
          refuse(path, 'a BigInt beyond 64 bits', 'store value.toString()')
        bytes += 8
        return value
      case 'number':
        bytes += 4
        return value
      case 'boolean':
      case 'undefined':
        return value
      case 'object':
        return value && copyObject(value, path)
    }
    return refuse(path, `a ${typeof value}`, 'store data only')
  }

  const copyObject = (value: object, path: string): unknown => {
    if (value instanceof Uint8Array) {
      bytes += value.length
      return new Uint8Array(value)
    }
    if (value instanceof Synced || value instanceof Y.AbstractType)
      refuse(path, 'a synced type in a plain value', insteadOfPlain)
    if (ancestors.includes(value)) refuse(path, 'a cycle', 'store its id')
    if (ancestors.length >= maxDepth) refuse(path, `more than ${maxDepth} levels`, insteadOfPlain)
    ancestors.push(value)
    const copied = Array.isArray(value) ? copyArray(value, path) : copyRecord(value, path)
    ancestors.pop()
    return copied
  }

  const copyArray = (value: unknown[], path: string): unknown[] =>
    Array.from(value, (element, i) => {
      const at = `${path}[${i}]`
      return i in value ? copy(element, at) : refuse(at, 'a hole', 'store null')
    })

  const copyRecord = (value: object, path: string): unknown => {
    const prototype = Object.getPrototypeOf(value)
    // A plain object of another window has another Object.prototype, which ends the chain too.
    if (prototype && Object.getPrototypeOf(prototype)) {
      if ('observeDeep' in value) twoCopies(call)
      const name = value.constructor?.name
      const binary = ArrayBuffer.isView(value) || value instanceof ArrayBuffer
      refuse(
        path,
        `an instance of ${name}`,
        binary ? 'store a Uint8Array' : (instead[name] ?? 'store a plain object'),
      )
    }
    if (Object.getOwnPropertySymbols(value).length) refuse(path, 'a symbol as a key', 'use another key')
    const copied: Record<string, unknown> = {}
    for (const [key, inner] of Object.entries(value)) {
      const at = `${path}.${key}`
      if (key === '__proto__') refuseKey(at, key)
      copy(key, at)
      copied[key] = copy(inner, at)
    }
    return copied
  }

  const refuseKey = (path: string, key: string) => refuse(path, `the key "${key}"`, 'use another key')

  return (value, list) => {
    // Yjs looks at `constructor` to tell what an element is, and refuses these two as elements of an array.
    if (list && value === undefined) refuse('', 'undefined in a list', 'store null')
    if (list && typeof value === 'bigint') refuse('', 'a BigInt in a list', 'store { value: 1n }')
    if (value && typeof value === 'object')
      for (const key of ['constructor', movedKey]) if (Object.hasOwn(value, key)) refuseKey('', key)
    const copied = copy(value, '')
    if (bytes > limit) throw tooLarge(call, bytes, limit)
    return copied
  }
}
