import type { Socket } from "node:net";

/** Up to this many bytes are joined with what is written before and after: copying them is cheaper than another system call. */
const JOINED_BYTES = 8_192;

/** Writes the parts of HTTP/1.1 messages to a socket, in as few system calls as it can. `more`: another part follows in the same turn. */
export class MessageWriter {
  readonly #socket: Socket;
  #text = "";
  #chunked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Start line and fields, as latin1 text; the body after it is chunked or goes as it is. */
  head(text: string, chunked: boolean, more: boolean): void {
    this.#chunked = chunked;
    this.#text += text;
    if (!more) this.flush();
  }

  body(data: Buffer, more: boolean): void {
    if (data.length === 0) return;
    if (this.#chunked) this.#text += `${data.length.toString(16)}\r\n`;
    if (data.length <= JOINED_BYTES) this.#text += data.toString("latin1");
    else this.#writeLarge(data);
    if (this.#chunked) this.#text += "\r\n";
    if (!more) this.flush();
  }

  /** The body is whole; `trailers` are lines with their CRLF. */
  end(trailers: string | null): void {
    if (this.#chunked) this.#text += `0\r\n${trailers ?? ""}\r\n`;
    this.flush();
  }

  flush(): void {
    const text = this.#text;
    if (text === "") return;
    this.#text = "";
    this.#socket.write(text, "latin1");
    if (this.#socket.writableCorked > 0) this.#socket.uncork();
  }

  #writeLarge(data: Buffer): void {
    const text = this.#text;
    this.#text = "";
    if (text === "") {
      this.#socket.write(data);
      return;
    }
    if (this.#socket.writableCorked === 0) this.#socket.cork();
    this.#socket.write(text, "latin1");
    this.#socket.write(data);
    if (!this.#chunked) this.#socket.uncork();
  }
}
