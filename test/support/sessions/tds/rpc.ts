/** What a client asks with `sp_executesql` (MS-TDS 2.2.6.6): the statement and its parameters by name, as far as they are nvarchar or integers. */
export interface Statement {
  readonly sql: string;
  readonly parameters: ReadonlyMap<string, string | number>;
}

const SP_EXECUTESQL = 10;
const NVARCHAR = 0xe7;
const INTN = 0x26;
const MAX = 0xff_ff;
const COLLATION_BYTES = 5;

/** @throws for anything else */
export function readStatement(body: Buffer): Statement {
  const reader = new Reader(body);
  reader.skip(body.readUInt32LE(0));
  if (reader.uint16() !== 0xff_ff || reader.uint16() !== SP_EXECUTESQL) throw new Error("only sp_executesql is understood");
  reader.skip(2);
  const values: [string, string | number][] = [];
  while (!reader.atEnd) values.push(reader.parameter());
  const [sql, , ...parameters] = values;
  return { sql: String(sql?.[1]), parameters: new Map(parameters) };
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  uint16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16LE(this.#at - 2);
  }

  parameter(): [name: string, value: string | number] {
    const name = this.#text(this.#uint8() * 2);
    this.skip(1);
    return [name.replace("@", ""), this.#value()];
  }

  #value(): string | number {
    const type = this.#uint8();
    if (type === INTN) {
      this.skip(1);
      return this.#integer(this.#uint8());
    }
    if (type !== NVARCHAR) throw new Error(`type 0x${type.toString(16)} is not understood`);
    const max = this.uint16();
    this.skip(COLLATION_BYTES);
    return max === MAX ? this.#chunks() : this.#text(this.uint16());
  }

  #integer(bytes: number): number {
    this.skip(bytes);
    const at = this.#at - bytes;
    return bytes === 8 ? Number(this.#bytes.readBigInt64LE(at)) : this.#bytes.readIntLE(at, bytes);
  }

  #chunks(): string {
    this.skip(8);
    let text = "";
    for (;;) {
      this.skip(4);
      const bytes = this.#bytes.readUInt32LE(this.#at - 4);
      if (bytes === 0) return text;
      text += this.#text(bytes);
    }
  }

  #text(bytes: number): string {
    this.skip(bytes);
    return this.#bytes.toString("utf16le", this.#at - bytes, this.#at);
  }

  #uint8(): number {
    this.skip(1);
    return this.#bytes.readUInt8(this.#at - 1);
  }
}
