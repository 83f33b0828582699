import * as Y from 'yjs'
import { SymphonyError } from '../errors.js'
import { movedKey } from './moves.js'
import { docOf, isUnattached, nest, Synced } from './synced.js'
import { isSyncable, wrap } from './wrap.js'

/** What a server takes. */
export interface Limits {
  /** Bytes of what one call stores. */
  maxValueBytes: number
}

const defaults: Limits = { maxValueBytes: 64 << 20 }
const limitsOf = new WeakMap<Y.Doc, Limits>()
/** How deep plain values may be nested: deeper ones overflow the stack of some client or server that reads them. */
const maxDepth = 200

/** Sets what may be stored in a document, as its server says. */
export function setLimits(doc: Y.Doc, limits: Partial<Limits>): void {
  limitsOf.set(doc, { ...defaults, ...limits })
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
  const check = new Check(call, target)
  const nested: [Synced, Y.AbstractType<any>][] = []
  const seen = new Set<unknown>()
  const checked = values.map((value) => {
    if (value instanceof Synced) {
      checkNesting(target, call, value, seen)
      const type = hollow(value.type)
      nested.push([value, type])
      return type
    }
    if (value instanceof Y.AbstractType) {
      if (value.doc || seen.has(value)) throw new SymphonyError('invalid-argument', alreadyNested(call))
      seen.add(value)
      return value
    }
    return check.top(value, target.type instanceof Y.Array)
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
  return new Check(call, target).top(value, false)
}

/** Checks a key of a map. */
export function checkKey(target: Synced, call: string, key: unknown): void {
  if (typeof key !== 'string')
    throw new SymphonyError(
      'invalid-argument',
      `${call}: the key is a ${typeof key}; use a string, as String(key)`,
    )
  preparePlain(target, call, key)
}

function checkNesting(target: Synced, call: string, value: Synced, seen: Set<unknown>): void {
  if (!isUnattached(value) || seen.has(value))
    throw new SymphonyError('invalid-argument', alreadyNested(call))
  if (docOf(value) === docOf(target))
    throw new SymphonyError('invalid-argument', `${call}: a type cannot be nested in itself`)
  seen.add(value)
}

function alreadyNested(call: string): string {
  return `${call}: this type is in a document already, and can be in one place only; nest its copy() instead, or use list.move()`
}

const instead: Record<string, string> = {
  Date: 'date.toISOString() or date.getTime()',
  Map: 'Object.fromEntries(map), or nest a SyncedMap',
  Set: '[...set]',
}
const loneSurrogate = /[\ud800-\udfff]/u
const minBigInt = -(2n ** 63n)
const maxBigInt = 2n ** 63n - 1n

class Check {
  #path: (string | number)[] = []
  #ancestors: object[] = []
  #bytes = 0
  readonly maxBytes: number

  constructor(
    readonly call: string,
    target: Synced,
  ) {
    this.maxBytes = (limitsOf.get(docOf(target)) ?? defaults).maxValueBytes
  }

  top(value: unknown, list: boolean): any {
    // Yjs looks at `constructor` to tell what an element is, and refuses these two as elements of an array.
    if (list && value === undefined) this.#refuse('undefined as an element of a list', 'store null')
    if (list && typeof value === 'bigint')
      this.#refuse('a BigInt as an element of a list', 'store it in an object, as { value: 1n }')
    if (typeof value === 'object' && value !== null) {
      for (const key of ['constructor', movedKey])
        if (Object.hasOwn(value, key)) this.#refuse(`an object with the key "${key}"`, 'use another key')
    }
    const copy = this.#copy(value)
    if (this.#bytes > this.maxBytes)
      throw new SymphonyError(
        'too-large',
        `${this.call}: ${this.#bytes} bytes are over the limit of ${this.maxBytes}; store large content elsewhere and its address here`,
      )
    return copy
  }

  #copy(value: unknown): unknown {
    this.#bytes += 2
    switch (typeof value) {
      case 'string':
        if (loneSurrogate.test(value))
          this.#refuse('a string with half of a surrogate pair', 'cut strings between characters')
        this.#bytes +=
          this.#bytes + value.length * 3 > this.maxBytes
            ? new TextEncoder().encode(value).length
            : value.length
        return value
      case 'bigint':
        if (value < minBigInt || value > maxBigInt)
          this.#refuse('a BigInt beyond 64 bits', 'store value.toString()')
        this.#bytes += 8
        return value
      case 'number':
        this.#bytes += 4
        return value
      case 'boolean':
      case 'undefined':
        return value
      case 'object':
        return value === null ? null : this.#object(value)
    }
    return this.#refuse(`a ${typeof value}`, 'store data only')
  }

  #object(value: object): unknown {
    if (value instanceof Uint8Array) {
      this.#bytes += value.byteLength
      return new Uint8Array(value)
    }
    if (value instanceof Synced || value instanceof Y.AbstractType)
      this.#refuse(
        'a synced type inside a plain object or array',
        'use a nested map or list instead of the plain one',
      )
    if (this.#ancestors.includes(value)) this.#refuse('a cycle', 'store the id of the object instead')
    if (this.#ancestors.length >= maxDepth)
      this.#refuse(`more than ${maxDepth} levels`, 'use nested maps or lists')
    this.#ancestors.push(value)
    const copy = Array.isArray(value) ? this.#array(value) : this.#record(value)
    this.#ancestors.pop()
    return copy
  }

  #array(value: unknown[]): unknown[] {
    const copy: unknown[] = []
    for (let i = 0; i < value.length; i++) {
      this.#path.push(i)
      if (!(i in value)) this.#refuse('a hole in an array', 'fill it with null')
      copy.push(this.#copy(value[i]))
      this.#path.pop()
    }
    return copy
  }

  #record(value: object): Record<string, unknown> {
    const prototype = Object.getPrototypeOf(value)
    // A plain object of another window has another Object.prototype, which ends the chain too.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) this.#refuseInstance(value)
    if (Object.getOwnPropertySymbols(value).length) this.#refuse('a symbol as a key', 'use strings as keys')
    const copy: Record<string, unknown> = {}
    for (const key of Object.keys(value)) {
      this.#path.push(key)
      if (key === '__proto__') this.#refuse('the key "__proto__"', 'use another key')
      this.#copy(key)
      copy[key] = this.#copy((value as Record<string, unknown>)[key])
      this.#path.pop()
    }
    return copy
  }

  #refuseInstance(value: object): never {
    if ('observeDeep' in value)
      throw new SymphonyError(
        'duplicate-yjs',
        `${this.call}: this type is of another copy of Yjs; see "npm ls yjs"`,
      )
    const name = value.constructor?.name
    const binary = ArrayBuffer.isView(value) || value instanceof ArrayBuffer
    const fix = binary ? 'its bytes as a Uint8Array' : (instead[name] ?? 'a plain object with its data')
    return this.#refuse(`an instance of ${name}`, `store ${fix}`)
  }

  #refuse(what: string, fix: string): never {
    const path = this.#path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
    throw new SymphonyError(
      'unsupported-value',
      `${this.call}: value${path} cannot be stored: ${what} does not reach other clients unchanged; ${fix}`,
    )
  }
}
