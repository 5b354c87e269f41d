import { decodeHuffman } from "./huffman.ts";
import { DynamicTable, fieldSize } from "./dynamic-table.ts";
import { STATIC_TABLE } from "./static-table.ts";

export interface DecoderLimits {
  /** Of a list of fields, each with 32 bytes for itself (RFC 9113 section 6.5.2). */
  readonly listBytesMax: number;
  readonly fieldsMax: number;
}

export interface FieldList {
  /** Names and values, one after the other, as latin1 text; not all of them where it is `tooLong`. */
  readonly fields: string[];
  readonly tooLong: boolean;
}

/** What a string or a number must not exceed; a block is never so long. */
const INTEGER_MAX = 2 ** 24;

/** Reads the header blocks of one connection (RFC 7541). Every block has to be read, also one that nobody wants: the next ones refer to it. */
export class HpackDecoder {
  readonly #limits: DecoderLimits;
  readonly #dynamic: DynamicTable;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #broken = false;

  /** `tableBytes`: the size that the client was offered (SETTINGS_HEADER_TABLE_SIZE). */
  constructor(tableBytes: number, limits: DecoderLimits) {
    this.#dynamic = new DynamicTable(tableBytes);
    this.#limits = limits;
  }

  /** Null: the block is broken, and with it the connection (COMPRESSION_ERROR). */
  decode(block: Buffer): FieldList | null {
    this.#block = block;
    this.#at = 0;
    this.#broken = false;
    const fields: string[] = [];
    let bytes = 0;
    let begun = false;
    while (this.#at < block.length) {
      const byte = block[this.#at] ?? 0;
      if ((byte & 0xe0) === 0x20) {
        // A change of the table's size stands before the fields (RFC 7541 section 4.2).
        if (begun || !this.#dynamic.resize(this.#integer(5))) return null;
        continue;
      }
      begun = true;
      const [name, value] = this.#field(byte);
      bytes += fieldSize(name, value);
      if (bytes <= this.#limits.listBytesMax && fields.length < 2 * this.#limits.fieldsMax) fields.push(name, value);
      else bytes = Infinity;
    }
    return this.#isBroken() ? null : { fields, tooLong: bytes === Infinity };
  }

  #isBroken(): boolean {
    return this.#broken;
  }

  #field(byte: number): readonly [string, string] {
    if (byte >= 0x80) return this.#entry(this.#integer(7));
    const isAdded = byte >= 0x40;
    const index = this.#integer(isAdded ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    const value = this.#string();
    if (isAdded && !this.#broken) this.#dynamic.add(name, value);
    return [name, value];
  }

  #entry(index: number): readonly [string, string] {
    const entry = STATIC_TABLE[index - 1] ?? this.#dynamic.get(index - STATIC_TABLE.length - 1);
    if (entry !== undefined) return entry;
    return this.#fail();
  }

  #fail(): readonly [string, string] {
    this.#broken = true;
    this.#at = this.#block.length;
    return ["", ""];
  }

  /** RFC 7541 section 5.1. */
  #integer(prefixBits: number): number {
    const block = this.#block;
    const mask = (1 << prefixBits) - 1;
    let value = (block[this.#at] ?? 0) & mask;
    this.#at += 1;
    if (value < mask) return value;
    for (let factor = 1; this.#at < block.length; factor *= 128) {
      const byte = block[this.#at] ?? 0;
      this.#at += 1;
      value += (byte & 127) * factor;
      if (value > INTEGER_MAX) break;
      if (byte < 128) return value;
    }
    this.#fail();
    return 0;
  }

  /** RFC 7541 section 5.2. */
  #string(): string {
    const isHuffman = (this.#block[this.#at] ?? 0) >= 0x80;
    if (this.#at >= this.#block.length) return this.#fail()[0];
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (this.#broken || end > this.#block.length) return this.#fail()[0];
    this.#at = end;
    if (!isHuffman) return this.#block.toString("latin1", start, end);
    return decodeHuffman(this.#block, start, end) ?? this.#fail()[0];
  }
}
