import { ReceiveWindow } from "./receive-window.ts";

/** What has come of one request's body and waits to be passed on; at most a window of it. */
export class RequestInput {
  bytes = 0;
  /** The client has ended its side. */
  ended = false;
  readonly #window: ReceiveWindow;
  /** Still to come, where `content-length` says so. */
  #left: number | null;
  #parts: Buffer[] = [];

  constructor(windowBytes: number, length: number | null) {
    this.#window = new ReceiveWindow(windowBytes);
    this.#left = length;
  }

  isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** False: more than the window allows. */
  receive(bytes: number): boolean {
    return this.#window.receive(bytes);
  }

  /** So much is used up; gives by how much the window is to be opened now. */
  use(bytes: number): number {
    return this.#window.use(bytes);
  }

  /** False: it is not as long as was said (RFC 9113 section 8.1.1). */
  add(data: Buffer, endStream: boolean): boolean {
    this.ended = endStream;
    if (this.#left !== null) {
      this.#left -= data.length;
      if (this.#left < 0 || (endStream && this.#left > 0)) return false;
    }
    if (data.length > 0) {
      this.#parts.push(data);
      this.bytes += data.length;
    }
    return true;
  }

  take(): Buffer | undefined {
    const part = this.#parts.shift();
    this.bytes -= part?.length ?? 0;
    return part;
  }

  /** Gives how many bytes were dropped. */
  clear(): number {
    const { bytes } = this;
    this.#parts = [];
    this.bytes = 0;
    return bytes;
  }
}
