import type { Logger } from "../../base/log.ts";
import type { HandshakeCounts, WorkerDelta } from "../messages.ts";
import { LedgerBook, type BookData } from "./ledger-book.ts";

/** Cumulative counts of a holder, for the one that takes over. */
export interface CountsData {
  readonly logLinesDropped: number;
  readonly connectionsRefused: number;
  readonly books: readonly BookData[];
  readonly handshakes: HandshakeCounts;
}

/** What the new generation is sent of what the old one's workers count. */
export type CountsMessage =
  | { readonly kind: "counts"; readonly worker: number; readonly delta: WorkerDelta }
  | { readonly kind: "gone"; readonly worker: number; readonly orderly: boolean };

/** Everything that workers count, those of the generation before included. */
export class Counts {
  readonly book: LedgerBook;
  readonly #log: Logger;
  #handshakes: HandshakeCounts;
  #logLinesDropped: number;
  #connectionsRefused: number;
  #successor: ((message: CountsMessage) => void) | null = null;

  constructor(boot: string, before: CountsData | null, log: Logger) {
    this.#log = log;
    this.book = new LedgerBook(boot, before?.books);
    this.#logLinesDropped = before?.logLinesDropped ?? 0;
    this.#connectionsRefused = before?.connectionsRefused ?? 0;
    this.#handshakes = before?.handshakes ?? { completed: 0, resumed: 0, failed: 0 };
  }

  get handshakes(): HandshakeCounts {
    return this.#handshakes;
  }

  get logLinesDropped(): number {
    return this.#logLinesDropped;
  }

  get connectionsRefused(): number {
    return this.#connectionsRefused;
  }

  data(): CountsData {
    const [logLinesDropped, connectionsRefused] = [this.#logLinesDropped, this.#connectionsRefused];
    return { books: this.book.data(), handshakes: this.#handshakes, logLinesDropped, connectionsRefused };
  }

  /** The new generation is sent all that is counted from now on; null: it did not take over. */
  streamTo(successor: ((message: CountsMessage) => void) | null): void {
    this.#successor = successor;
  }

  add(worker: number, delta: WorkerDelta): void {
    this.book.add(worker, delta);
    this.#logLinesDropped += delta.logLinesDropped;
    this.#connectionsRefused += delta.connectionsRefused;
    const { completed, resumed, failed } = delta.handshakes;
    const sum = this.#handshakes;
    this.#handshakes = {
      completed: sum.completed + completed,
      resumed: sum.resumed + resumed,
      failed: sum.failed + failed,
    };
    if (delta.logLinesDropped > 0)
      this.#log.warn("lines of access logs were dropped: the disk does not keep up", { worker, lines: delta.logLinesDropped });
    this.#successor?.({ kind: "counts", worker, delta });
  }

  workerGone(worker: number, orderly: boolean): void {
    this.book.workerGone(worker, orderly);
    this.#successor?.({ kind: "gone", worker, orderly });
  }
}
