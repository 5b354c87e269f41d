import { CLOSING_MS } from "../../core/websockets.ts";
import { EventBoundary } from "./event-boundary.ts";
import type { OpenStream } from "./in-flight.ts";
import type { ResponseHead } from "./response-head.ts";

const NOTHING = Buffer.alloc(0);
const EVENTS = /\r\ncontent-type:[\t ]*text\/event-stream[\t ]*(?:;|\r)/i;
const ENCODED = /\r\ncontent-encoding:[\t ]*(?!identity[\t ]*\r)/i;

/** An answer that has no end of its own: what is sent of it so far can be a whole one at any time. */
export function isEventStream({ status, body, forward }: ResponseHead): boolean {
  return status === 200 && typeof body !== "number" && EVENTS.test(forward);
}

/**
 * The answer of server-sent events. When its instance is replaced it ends between two events, as if the application had ended it: the client
 * connects anew and says which event was its last.
 */
export class EventStream implements OpenStream {
  /** Nothing more of it is passed on. */
  over = false;
  readonly #onEnd: () => void;
  /** Null for a compressed one, which ends where a piece of it ends. */
  readonly #boundary: EventBoundary | null;
  /** When to end (milliseconds since the epoch); 0: not at all. */
  #closeAt = 0;

  constructor({ forward }: ResponseHead, onEnd: () => void) {
    this.#boundary = ENCODED.test(forward) ? null : new EventBoundary();
    this.#onEnd = onEnd;
  }

  /** The sooner time counts; 0 takes it back. */
  closeAt(at: number): void {
    this.#closeAt = at === 0 || this.#closeAt === 0 ? at : Math.min(at, this.#closeAt);
    this.sweep(Date.now());
  }

  /** What of the data is to be passed on. */
  take(data: Buffer): Buffer {
    if (this.over) return NOTHING;
    if (!this.#isDue(Date.now())) {
      this.#boundary?.take(data);
      return data;
    }
    const bytes = this.#boundary?.takeToFirst(data) ?? data.length;
    if (this.#boundary?.reached !== false) this.#end();
    return data.subarray(0, bytes);
  }

  /** An event that does not end does not hold it up for long: clients drop what is not whole. */
  sweep(now: number): void {
    if (this.over || !this.#isDue(now)) return;
    if (this.#boundary?.reached !== false || now - this.#closeAt > CLOSING_MS) this.#end();
  }

  #isDue(now: number): boolean {
    return this.#closeAt > 0 && now >= this.#closeAt;
  }

  /** After what is being read at the moment has been passed on. */
  #end(): void {
    this.over = true;
    queueMicrotask(this.#onEnd);
  }
}
