import { defaultMaxMessage } from '../connection/numbers.js'
import { byteLength, fail, invalid, tooLarge, twoCopies } from '../errors.js'
import { limitOf } from '../limit.js'
import { Y } from '../yjs.js'
import { movedKey } from './moves.js'
import { docOf, isUnattached, nest, Synced } from './synced.js'
import { kindOf, wrap } from './wrap.js'

/** How deep plain values may be nested: deeper ones overflow the stack of some client or server that reads them. */
const maxDepth = 200

/**
 * Checks what a call is to store and copies it, so that nothing that the application does to its own objects later reaches
 * the document. Throws before anything is changed. What it returns takes a function that writes the values, and calls it
 * in a transaction, if there are any.
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
    // It is in the target's document if the target is in it.
    if (seen.has(value) || (synced ? !isUnattached(value) || docOf(value) === docOf(target) : value.doc))
      invalid(`${call}: this type is in use already; nest its copy(), or list.move()`)
    seen.add(value)
    if (!synced) return value
    const type = hollow(value.type)
    nested.push([value, type])
    return type
  })
  return (write) => {
    if (!checked.length) return
    target.change(() => {
      write(checked)
      for (const [synced, type] of nested) nest(synced, type)
    })
  }
}

/** What is stored in the place of a value when the type that it is in gets nested; a type comes back empty, see `refill`. */
export function hollow(value: any): any {
  if (!(value instanceof Y.AbstractType)) return value
  return kindOf(value) ? new (value.constructor as new () => Y.AbstractType<any>)() : value.clone()
}

/** Moves the content of a value into its hollow one, which was stored meanwhile. */
export function refill(value: any, hollowed: any): void {
  if (kindOf(value)) nest(wrap(value), hollowed)
}

/** Checks and copies a plain value that is not an element: attributes of text, embedded objects. */
export function preparePlain(target: Synced, call: string, value: unknown): any {
  return checker(call, target)(value)
}

/** Checks an index, or without `max` a count; `hint`: what to do instead, if there is something. */
export function checkIndex(call: string, index: number, max = Infinity, hint = ''): void {
  if (!Number.isInteger(index) || index < 0 || index > max)
    invalid(`${call}: ${max < 0 ? 'the list is empty' : `give whole numbers, 0 to ${max}`}${hint}`)
}

/** Checks a text, or a key of a map. */
export function checkString(target: Synced, call: string, text: unknown): void {
  if (typeof text !== 'string') invalid(`${call}: a ${typeof text} is no string; use String(…)`)
  preparePlain(target, call, text)
}

const instead: Record<string, string> = {
  Date: 'store date.toISOString()',
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
      refuse(path, `an instance of ${name}`, instead[name] ?? 'store a plain object or a Uint8Array')
    }
    if (Object.getOwnPropertySymbols(value).length) refuse(path, 'a symbol as a key', 'use another')
    const copied: Record<string, unknown> = {}
    for (const [key, inner] of Object.entries(value)) {
      const at = `${path}.${key}`
      // Yjs looks at `constructor` to tell what an element is.
      if (key === '__proto__' || (!path && ['constructor', movedKey].includes(key)))
        refuse(at, 'this key', 'use another')
      copy(key, at)
      copied[key] = copy(inner, at)
    }
    return copied
  }

  return (value, list) => {
    // Yjs refuses these two as elements of an array.
    if (list && (value === undefined || typeof value === 'bigint'))
      refuse('', `${typeof value} in a list`, 'store { value }')
    const copied = copy(value, '')
    if (bytes > limit) throw tooLarge(call, bytes, limit)
    return copied
  }
}
