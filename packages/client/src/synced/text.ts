import type * as Y from 'yjs'
import { Synced, scratch } from './synced.js'
import { checkIndex, checkString, preparePlain } from './value.js'

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
    checkIndex(call, index, this.length)
    checkString(this, call, text)
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
    return this.toString()
  }

  /** The text with its formats, as steps that insert it. */
  toDelta(): DeltaStep[] {
    return this.type.toDelta()
  }

  copy(): SyncedText {
    const copy = new SyncedText()
    copy.fill(this.type)
    return copy
  }

  /** @internal */
  fill(from: Y.Text): void {
    this.change(() => this.type.applyDelta(from.toDelta()))
  }

  #change(name: string, index: number, length: number, fn: (count: number) => void): void {
    const call = `text.${name}(${index}, ${length})`
    checkIndex(call, index, this.length)
    checkIndex(call, length)
    const count = Math.min(length, this.length - index)
    if (count) this.change(() => fn(count))
  }
}
