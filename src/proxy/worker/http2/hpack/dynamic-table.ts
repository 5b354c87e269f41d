/** What an entry counts for beside its bytes (RFC 7541 section 4.1). */
const ENTRY_BYTES = 32;

export function fieldSize(name: string, value: string): number {
  return name.length + value.length + ENTRY_BYTES;
}

/** The fields that a client has sent and may refer to, the newest first (RFC 7541 section 2.3.2). */
export class DynamicTable {
  readonly #offeredBytes: number;
  #maxBytes: number;
  #bytes = 0;
  /** Oldest first; what was thrown out stands before `#first` until there is enough of it. */
  #entries: (readonly [string, string])[] = [];
  #first = 0;

  constructor(offeredBytes: number) {
    this.#offeredBytes = offeredBytes;
    this.#maxBytes = offeredBytes;
  }

  /** 0 is the newest. */
  get(index: number): readonly [string, string] | undefined {
    const at = this.#entries.length - 1 - index;
    return at < this.#first ? undefined : this.#entries[at];
  }

  add(name: string, value: string): void {
    const size = fieldSize(name, value);
    this.#shrinkTo(this.#maxBytes - size);
    if (size > this.#maxBytes) return;
    this.#entries.push([name, value]);
    this.#bytes += size;
  }

  /** False: more than was offered. */
  resize(bytes: number): boolean {
    if (bytes > this.#offeredBytes) return false;
    this.#maxBytes = bytes;
    this.#shrinkTo(bytes);
    return true;
  }

  #shrinkTo(bytes: number): void {
    while (this.#bytes > bytes && this.#first < this.#entries.length) {
      const oldest = this.#entries[this.#first];
      if (oldest !== undefined) this.#bytes -= fieldSize(...oldest);
      this.#first += 1;
    }
    if (this.#first * 2 < this.#entries.length && this.#first < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}
