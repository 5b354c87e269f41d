export type Fields = Map<string, string>;
/** Bytes, one per character, or the fields of a hash. */
export type Value = string | Fields;

/** Measured with a million keys: what V8 needs for a key beyond its bytes, and for a field of a hash beyond its own. */
const ENTRY_BYTES = 160;
const HASH_BYTES = 200;
const FIELD_BYTES = 100;

/** What stands under a key. */
export class Entry {
  value: Value;
  /** ms since 1970; 0 if it does not expire. */
  expireAt: number;
  /** Keys in the order in which they came: SCAN goes on behind one of them. */
  readonly order: number;

  constructor(value: Value, expireAt: number, order: number) {
    this.value = value;
    this.expireAt = expireAt;
    this.order = order;
  }
}

/** About how much memory an entry takes, in bytes. */
export function memoryOf(key: string, value: Value): number {
  return ENTRY_BYTES + key.length + valueBytes(value);
}

export function fieldBytes(name: string, value: string): number {
  return FIELD_BYTES + name.length + value.length;
}

function valueBytes(value: Value): number {
  if (typeof value === "string") return value.length;
  let bytes = HASH_BYTES;
  for (const [name, text] of value) bytes += fieldBytes(name, text);
  return bytes;
}
