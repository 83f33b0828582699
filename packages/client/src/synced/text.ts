import type * as Y from 'yjs'
import { SymphonyError } from '../errors.js'
import { Synced, scratch } from './synced.js'
import { preparePlain } from './value.js'

/** Formats of a range of text, as `{ bold: true }`; null ends a format. */
export type Attributes = Record<string, any>

/** One step of a change of text, in the format of Quill. */
export interface DeltaStep {
  /** Text, or an object that is embedded. */
  insert?: string | object
  retain?: number
  delete?: number
  attributes?: Attributes
}

/** A text that several people write together. Indices and lengths are in UTF-16 units, as those of a string. */
export class SyncedText extends Synced<Y.Text> {
  /** @param type a text in a document; without one, the new text can be nested in another type */
  constructor(type: Y.Text = scratch().getText('')) {
    super(type)
  }

  /** The length in UTF-16 units. */
  get length(): number {
    return this.type.length
  }

  /**
   * Inserts text before an index. Without attributes it takes on the formats of what it follows.
   *
   * @throws SymphonyError `unsupported-value`, `too-large` or `invalid-argument`; then nothing was changed
   */
  insert(index: number, text: string, attributes?: Attributes): void {
    const call = `text.insert(${index}, …)`
    this.#checkIndex(call, index)
    if (typeof text !== 'string')
      throw new SymphonyError('invalid-argument', `${call}: the text is a ${typeof text}; use a string`)
    preparePlain(this, call, text)
    const checked = attributes && preparePlain(this, call, attributes)
    this.change(() => this.type.insert(index, text, checked))
  }

  /** Deletes `length` units from an index on, or as many as there are. */
  delete(index: number, length: number): void {
    this.#change('delete', index, length, (count) => this.type.delete(index, count))
  }

  /** Formats `length` units from an index on. */
  format(index: number, length: number, attributes: Attributes): void {
    const checked = preparePlain(this, `text.format(${index}, ${length}, …)`, attributes)
    this.#change('format', index, length, (count) => this.type.format(index, count, checked))
  }

  /** Deletes everything. */
  clear(): void {
    this.delete(0, this.length)
  }

  /** The text without its formats. */
  override toString(): string {
    return this.type.toString()
  }

  /** The text without its formats. */
  toJSON(): string {
    return this.type.toString()
  }

  /** The text with its formats, as steps that insert it. */
  toDelta(): DeltaStep[] {
    return this.type.toDelta()
  }

  /** Applies several changes at once. */
  applyDelta(delta: DeltaStep[]): void {
    const call = 'text.applyDelta(…)'
    if (!Array.isArray(delta))
      throw new SymphonyError('invalid-argument', `${call}: the delta must be an array of steps`)
    const checked = preparePlain(this, call, delta) as DeltaStep[]
    let left = this.length
    for (const step of checked) {
      const count = step.retain ?? step.delete ?? 0
      left -= count
      if (!Number.isInteger(count) || count < 0 || left < 0)
        throw new SymphonyError(
          'invalid-argument',
          `${call}: it goes beyond the ${this.length} units of the text`,
        )
    }
    this.change(() => this.type.applyDelta(checked))
  }

  copy(): SyncedText {
    const copy = new SyncedText()
    copy.fill(this.type)
    return copy
  }

  protected fill(from: Y.Text): void {
    this.change(() => this.type.applyDelta(from.toDelta()))
  }

  #change(name: string, index: number, length: number, fn: (count: number) => void): void {
    const call = `text.${name}(${index}, ${length})`
    this.#checkIndex(call, index)
    if (!Number.isInteger(length) || length < 0)
      throw new SymphonyError('invalid-argument', `${call}: the length must be a whole number, 0 or more`)
    const count = Math.min(length, this.length - index)
    if (count) this.change(() => fn(count))
  }

  #checkIndex(call: string, index: number): void {
    if (Number.isInteger(index) && index >= 0 && index <= this.length) return
    throw new SymphonyError(
      'invalid-argument',
      `${call}: the text has ${this.length} units, an index may be 0 to ${this.length}`,
    )
  }
}
