import { connect, type Socket } from "node:net";
import { AnswerReader, MalformedAnswer } from "./answer-reader.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How a request ended: an answer, or the kind of what went wrong with its connection. */
export type Outcome = { readonly status: number; readonly body: string } | { readonly failure: string };

interface Exchange {
  readonly reader: AnswerReader;
  readonly ended: (outcome: Outcome) => void;
}

/** One TCP connection that carries one request at a time. */
export class Connection {
  readonly #socket: Socket;
  readonly #stray: () => void;
  #exchange: Exchange | null = null;
  #connected = false;
  #usable = true;

  constructor({ host, port }: Address, stray: () => void) {
    this.#stray = stray;
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on("connect", () => {
      this.#connected = true;
    });
    this.#socket.on("data", (bytes) => {
      this.#take(bytes);
    });
    this.#socket.on("end", () => {
      this.#closed("closed");
    });
    this.#socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#failed(error.code ?? error.message);
    });
    this.#socket.on("close", () => {
      this.#closed("closed");
    });
  }

  /** May another request be sent? Not after the server has closed, or has said that it will. */
  get usable(): boolean {
    return this.#usable && this.#exchange === null;
  }

  send(request: string, keepBody: boolean, ended: (outcome: Outcome) => void): void {
    this.#exchange = { reader: new AnswerReader(keepBody), ended };
    this.#socket.write(request);
  }

  close(): void {
    this.#usable = false;
    this.#exchange = null;
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    const reader = this.#exchange?.reader;
    if (reader === undefined) {
      if (this.#usable) this.#stray();
      this.close();
      return;
    }
    try {
      reader.take(bytes.toString("latin1"));
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error;
      this.#end({ failure: "malformed-answer" });
      this.close();
      return;
    }
    if (!reader.done) return;
    if (reader.excess) this.#stray();
    if (!reader.reusable) {
      this.#usable = false;
      this.#socket.destroy();
    }
    this.#end({ status: reader.status, body: reader.body });
  }

  #failed(code: string): void {
    if (!this.#connected) this.#end({ failure: `dial-${code}` });
    else this.#closed(code === "ECONNRESET" || code === "EPIPE" ? "reset" : code);
  }

  #closed(how: string): void {
    this.#usable = false;
    const reader = this.#exchange?.reader;
    if (reader === undefined) return;
    if (!reader.begun) this.#end({ failure: `${how}-before-answer` });
    else if (how === "closed" && reader.close()) this.#end({ status: reader.status, body: reader.body });
    else this.#end({ failure: `${how}-in-answer` });
  }

  #end(outcome: Outcome): void {
    const ended = this.#exchange?.ended;
    this.#exchange = null;
    ended?.(outcome);
  }
}
