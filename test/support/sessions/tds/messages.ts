/** A message of MS-TDS 2.2.3: packets of one type up to the one that says it is the last. */
export interface Message {
  readonly type: number;
  readonly body: Buffer;
}

export const MESSAGE = { batch: 1, rpc: 3, response: 4, attention: 6, login: 16, prelogin: 18 };
const HEAD_BYTES = 8;
const PACKET_BYTES = 4_096;
const LAST = 1;

/** Puts together what comes in pieces. */
export class MessageReader {
  #bytes = Buffer.alloc(0);
  readonly #packets: Buffer[] = [];

  /** The messages that are whole by now. */
  *take(chunk: Buffer): Generator<Message> {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= HEAD_BYTES) {
      const length = this.#bytes.readUInt16BE(2);
      if (this.#bytes.length < length) return;
      const packet = this.#bytes.subarray(0, length);
      this.#bytes = this.#bytes.subarray(length);
      this.#packets.push(packet.subarray(HEAD_BYTES));
      if ((packet.readUInt8(1) & LAST) === LAST)
        yield { type: packet.readUInt8(0), body: Buffer.concat(this.#packets.splice(0)) };
    }
  }
}

export function packets(body: Buffer, type = MESSAGE.response): Buffer {
  const all: Buffer[] = [];
  const room = PACKET_BYTES - HEAD_BYTES;
  for (let from = 0; from === 0 || from < body.length; from += room) {
    const part = body.subarray(from, from + room);
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt8(type, 0);
    head.writeUInt8(from + room >= body.length ? LAST : 0, 1);
    head.writeUInt16BE(part.length + HEAD_BYTES, 2);
    all.push(head, part);
  }
  return Buffer.concat(all);
}
