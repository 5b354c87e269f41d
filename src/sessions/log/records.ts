import type { Effects } from "../data/effects.ts";
import { FRAME_HEAD_BYTES } from "./frames.ts";

/** What a record begins with. A number is never used for something else again: old logs must stay readable. */
const SET = 1;
const REMOVE = 2;
const EXPIRE = 3;
const APPEND = 4;
const SET_FIELDS = 5;
const REMOVE_FIELDS = 6;
const CLEAR = 7;

const START_BYTES = 65_536;
const KEEP_MAX = 4 * 1_048_576;
const VARINT_MAX = 5;
const TIME_BYTES = 8;

/** Writes effects down, one record behind the other, into the body of the next frame. */
export class RecordWriter implements Effects {
  #buffer = Buffer.allocUnsafeSlow(START_BYTES);
  #other = Buffer.allocUnsafeSlow(START_BYTES);
  #length = FRAME_HEAD_BYTES;

  /** Bytes of records that wait. */
  get length(): number {
    return this.#length - FRAME_HEAD_BYTES;
  }

  /** The records with room for the head in front. Lent until the next time: what comes meanwhile stands in another buffer. */
  take(): Buffer {
    const frame = this.#buffer.subarray(0, this.#length);
    const next = this.#other;
    this.#other = this.#buffer.length > KEEP_MAX ? Buffer.allocUnsafeSlow(START_BYTES) : this.#buffer;
    this.#buffer = next;
    this.#length = FRAME_HEAD_BYTES;
    return frame;
  }

  set(database: number, key: string, value: string, at: number): void {
    this.#begin(SET, database, key, value.length + VARINT_MAX + TIME_BYTES);
    this.#time(at);
    this.#text(value);
  }

  remove(database: number, key: string): void {
    this.#begin(REMOVE, database, key, 0);
  }

  expire(database: number, key: string, at: number): void {
    this.#begin(EXPIRE, database, key, TIME_BYTES);
    this.#time(at);
  }

  append(database: number, key: string, offset: number, tail: string): void {
    this.#begin(APPEND, database, key, tail.length + 2 * VARINT_MAX);
    this.#number(offset);
    this.#text(tail);
  }

  setFields(database: number, key: string, fields: readonly string[]): void {
    this.#texts(SET_FIELDS, database, key, fields);
  }

  removeFields(database: number, key: string, names: readonly string[]): void {
    this.#texts(REMOVE_FIELDS, database, key, names);
  }

  clear(database: number): void {
    this.#begin(CLEAR, database, "", 0);
  }

  #texts(kind: number, database: number, key: string, texts: readonly string[]): void {
    const bytes = texts.reduce((sum, text) => sum + text.length + VARINT_MAX, VARINT_MAX);
    this.#begin(kind, database, key, bytes);
    this.#number(texts.length);
    for (const text of texts) this.#text(text);
  }

  #begin(kind: number, database: number, key: string, more: number): void {
    this.#reserve(2 + VARINT_MAX + key.length + more);
    this.#buffer[this.#length] = kind;
    this.#buffer[this.#length + 1] = database;
    this.#length += 2;
    this.#text(key);
  }

  #text(text: string): void {
    this.#number(text.length);
    this.#length += this.#buffer.write(text, this.#length, "latin1");
  }

  #number(value: number): void {
    let left = value;
    for (; left > 127; left >>>= 7) this.#buffer[this.#length++] = (left & 127) | 128;
    this.#buffer[this.#length++] = left;
  }

  #time(at: number): void {
    this.#length = this.#buffer.writeDoubleLE(at, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Tells the effects in the body of a frame in their order. @throws RangeError when they do not end where the body ends */
export function readRecords(body: Buffer, effects: Effects): number {
  const reader = new RecordReader(body);
  let records = 0;
  for (; !reader.atEnd; records += 1) readRecord(reader, effects);
  return records;
}

function readRecord(reader: RecordReader, effects: Effects): void {
  const [kind, database] = [reader.byte(), reader.byte()];
  const key = reader.text();
  switch (kind) {
    case SET: {
      const at = reader.time();
      effects.set(database, key, reader.text(), at);
      return;
    }
    case REMOVE:
      effects.remove(database, key);
      return;
    case EXPIRE:
      effects.expire(database, key, reader.time());
      return;
    case APPEND: {
      const offset = reader.number();
      effects.append(database, key, offset, reader.text());
      return;
    }
    case SET_FIELDS:
      effects.setFields(database, key, reader.texts());
      return;
    case REMOVE_FIELDS:
      effects.removeFields(database, key, reader.texts());
      return;
    case CLEAR:
      effects.clear(database);
      return;
    default:
      throw new RangeError(`A record of kind ${kind}: it is from a newer version`);
  }
}

class RecordReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }

  text(): string {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("A record goes beyond its frame");
    const text = this.#bytes.toString("latin1", this.#at, end);
    this.#at = end;
    return text;
  }

  texts(): string[] {
    return Array.from({ length: this.number() }, () => this.text());
  }

  time(): number {
    this.#at += TIME_BYTES;
    return this.#bytes.readDoubleLE(this.#at - TIME_BYTES);
  }
}
