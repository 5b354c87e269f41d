import type { CutOff, StepOutcome } from "../../ports/database.ts";
import type { Queryable } from "./queryable.ts";

const QUERY_CANCELED = "57014";
/** Between two statements a server process hears nothing: it is told again. */
const AGAIN_MS = 200;

/** Ends what a server process works on when it is to be cut off, and knows whether that was so. */
export class Cutting {
  readonly #watcher: Queryable;
  readonly #pid: number;
  readonly #cutOff: CutOff;
  readonly #since = performance.now();
  readonly #begin = (): void => {
    this.#cancel();
    this.#timer = setInterval(this.#cancel, AGAIN_MS);
  };
  #timer: NodeJS.Timeout | undefined;

  constructor(watcher: Queryable, pid: number, cutOff: CutOff) {
    this.#watcher = watcher;
    this.#pid = pid;
    this.#cutOff = cutOff;
    if (cutOff.signal.aborted) this.#begin();
    else cutOff.signal.addEventListener("abort", this.#begin, { once: true });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#cutOff.signal.removeEventListener("abort", this.#begin);
  }

  /** An administrator's pg_cancel_backend is none of ours. */
  hasCut(outcome: StepOutcome): boolean {
    const { signal, limitMs } = this.#cutOff;
    const isOver = limitMs !== null && performance.now() - this.#since >= limitMs;
    return outcome.kind === "refused" && outcome.code === QUERY_CANCELED && (signal.aborted || isOver);
  }

  readonly #cancel = (): void => {
    this.#watcher.query("SELECT pg_cancel_backend($1)", [this.#pid]).catch(() => undefined);
  };
}
