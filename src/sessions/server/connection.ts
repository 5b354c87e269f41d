import type net from "node:net";
import type { Client } from "../commands/client.ts";
import { CommandReader, ProtocolError, type ReaderLimits } from "../resp/command-reader.ts";
import type { ReplyEncoder } from "../resp/reply-encoder.ts";
import { error, type Reply } from "../resp/reply.ts";

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly limits: ReaderLimits;
  /** For what is answered in one go. */
  readonly encoder: ReplyEncoder;
  /** Commands wait: another generation is about to take over. */
  readonly holding: boolean;
  execute(client: Client, args: readonly string[]): Reply;
  /** The batch of the log on which the last answer depends. */
  barrier(): number;
  settled(): number;
  /** It has answers that wait for the log. */
  onWaiting(connection: Connection): void;
  onClosed(connection: Connection): void;
}

/** A client that does not read gets no more answers made for it beyond this. */
const UNREAD_MAX = 1_048_576;

interface Waiting {
  readonly batch: number;
  readonly bytes: Buffer;
}

/** One client's connection: reads commands, answers in their order, each answer not before the changes it tells of are safe. */
export class Connection {
  readonly client: Client;
  readonly socket: net.Socket;
  readonly #host: ConnectionHost;
  readonly #reader: CommandReader;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #paused = false;
  #closed = false;
  #ended = false;
  #inputEnded = false;
  #detached = false;
  #unsent = 0;
  #stuckSince = 0;

  constructor(socket: net.Socket, client: Client, host: ConnectionHost) {
    this.socket = socket;
    this.client = client;
    this.#host = host;
    this.#reader = new CommandReader(host.limits);
    socket.on("drain", () => {
      this.#onDrain();
    });
    socket.on("end", () => {
      this.#inputEnded = true;
      this.run();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#closed = true;
      this.#host.onClosed(this);
    });
  }

  /** Nothing waits to be answered or to be read by the client. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.socket.writableLength === 0;
  }

  /** Takes what the socket has read; it is only lent. */
  onData(data: Buffer): void {
    if (this.#ended) return;
    this.#reader.feed(data);
    this.run();
  }

  /** Runs what has been read, as far as the client reads its answers. */
  run(): void {
    if (this.#detached) return;
    if (!this.#host.holding && !this.#ended) this.#answerAll();
    this.#reader.keep();
    if (this.client.ending || (this.#inputEnded && !this.#paused && !this.#host.holding)) this.end();
  }

  /** How long (ms) the client has not read although there is something for it. */
  stuckFor(now: number): number {
    const handle = (this.socket as unknown as { _handle?: { writeQueueSize?: number } | null })._handle;
    const unsent = this.socket.writableLength === 0 ? 0 : this.socket.writableLength + (handle?.writeQueueSize ?? 0);
    if (unsent === 0 || unsent !== this.#unsent) this.#stuckSince = now;
    this.#unsent = unsent;
    return now - this.#stuckSince;
  }

  /** What waits for the log up to `batch` goes out. */
  settle(batch: number): void {
    const ready: Buffer[] = [];
    while (this.#waiting[0] !== undefined && this.#waiting[0].batch <= batch) {
      const { bytes } = this.#waiting.shift() as Waiting;
      this.#waitingBytes -= bytes.length;
      ready.push(bytes);
    }
    if (ready.length > 0) this.#write(ready.length === 1 ? (ready[0] as Buffer) : Buffer.concat(ready));
    if (this.#waiting.length > 0) this.#host.onWaiting(this);
    else if (this.client.ending) this.end();
    else if (this.#paused) this.#onDrain();
  }

  /** Ends when everything has been answered; what comes from the client now is not looked at. */
  end(): void {
    this.#ended = true;
    if (this.#waiting.length === 0 && !this.#closed) this.socket.end();
    this.client.ending = true;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Nothing is read any more; gives what was read and not run. */
  detach(): Buffer {
    this.#ended = true;
    this.#detached = true;
    return this.#reader.rest();
  }

  #answerAll(): void {
    const { encoder } = this.#host;
    this.#reader.restricted = !this.client.authenticated;
    let [from, batch] = [0, this.#waiting.at(-1)?.batch ?? 0];
    encoder.begin();
    while (!this.#mustPause(encoder.length)) {
      const reply = this.#next();
      if (reply === null) break;
      const needed = this.#host.barrier();
      if (needed > batch) {
        if (encoder.length > from) this.#emit(encoder.since(from), batch);
        [from, batch] = [encoder.length, needed];
      }
      encoder.write(reply.value, this.client.protocol);
    }
    if (encoder.length > from) this.#emit(encoder.since(from), batch);
    if (this.socket.writableLength > 0) encoder.keepWritten();
    else if (this.#paused && this.#waiting.length === 0) {
      // All of it is out: nothing will say "drain".
      setImmediate(() => {
        this.#onDrain();
      });
    }
  }

  /** Runs the next command; null when there is none, or none may follow. */
  #next(): { readonly value: Reply } | null {
    if (this.client.ending) return null;
    try {
      const args = this.#reader.next();
      if (args === null) return null;
      const value = this.#host.execute(this.client, args);
      this.#reader.restricted = !this.client.authenticated;
      return { value };
    } catch (failure) {
      if (!(failure instanceof ProtocolError)) throw failure;
      this.client.ending = true;
      return { value: error(`ERR Protocol error: ${failure.message}`) };
    }
  }

  #mustPause(made: number): boolean {
    if (made + this.#waitingBytes + this.socket.writableLength <= UNREAD_MAX) return false;
    if (!this.#paused) {
      this.#paused = true;
      this.socket.pause();
    }
    return true;
  }

  #onDrain(): void {
    if (!this.#paused || this.#waitingBytes > 0 || this.socket.writableLength > 0) return;
    this.#paused = false;
    this.run();
    // What has been run may have filled it again.
    if (!(this.#paused as boolean)) this.socket.resume();
  }

  #emit(bytes: Buffer, batch: number): void {
    if (batch <= this.#host.settled() && this.#waiting.length === 0) {
      this.#write(bytes);
      return;
    }
    if (this.#waiting.length === 0) this.#host.onWaiting(this);
    this.#waiting.push({ batch, bytes: Buffer.from(bytes) });
    this.#waitingBytes += bytes.length;
  }

  #write(bytes: Buffer): void {
    if (this.#closed) return;
    this.socket.write(bytes);
  }
}
