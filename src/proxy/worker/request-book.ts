import type { ReleaseName } from "../../base/names.ts";
import type { LedgerColumn } from "../../core/ledger.ts";
import { REQUESTS_UNREPORTED_MAX, type WorkerAppDelta } from "../messages.ts";
import { Ledger } from "./ledger.ts";
import type { Recorder } from "./recorder.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import { SessionWatch, type Answerer } from "./session-watch.ts";

const NO_STATUSES = { classes: [], refused: [] };

interface Asked {
  readonly method: string;
  readonly target: string;
}

/** Where a worker writes down the requests of one app, or those of one listener that no app has claimed. */
export class RequestBook {
  readonly name: string;
  readonly ledger = new Ledger();
  readonly sessions = new SessionWatch();
  /** While live requests are recorded. */
  recorder: Recorder | null = null;
  readonly #report: () => void;
  #inFlight = 0;
  #unreported = 0;
  #reportedInFlight = 0;

  /** `report` is called when so many requests have begun that they must be handed over. */
  constructor(name: string, report: () => void) {
    this.name = name;
    this.#report = report;
  }

  /** A request's first byte has come. */
  begin(): void {
    this.#inFlight += 1;
    this.#unreported += 1;
    if (this.#unreported >= REQUESTS_UNREPORTED_MAX) this.#report();
  }

  /** `status`: what the client got, 0 for nothing. */
  end(release: ReleaseName, column: LedgerColumn, status: number): void {
    this.ledger.count(release, column, status);
    this.#inFlight -= 1;
  }

  /** A request was answered `ms` milliseconds after its first byte. */
  time(ms: number, { method, target }: Asked, release: ReleaseName, status: number): void {
    this.ledger.time(release, ms * 1000);
    if (!this.ledger.isSlow(ms)) return;
    const path = target.split("?", 1)[0]?.slice(0, 200) ?? "";
    this.ledger.noteSlow({ at: Date.now(), ms, method, path, release, status });
  }

  /** The head of an application's answer has come; `at`: milliseconds of a clock that only goes forward. */
  answered(request: RequestHead, answer: ResponseHead, by: Answerer, at: number): void {
    this.sessions.note(request, answer, by, at);
    this.recorder?.add(request, answer.status);
  }

  /** What began here was no request. */
  cancel(): void {
    this.#inFlight -= 1;
  }

  /** A request that began here belongs elsewhere. */
  moveTo(book: RequestBook): void {
    if (book === this) return;
    this.#inFlight -= 1;
    book.begin();
  }

  /** There is something to hand over, or what was handed over last is not true any more. */
  hasNews(): boolean {
    return (
      this.#unreported > 0 || this.#inFlight !== this.#reportedInFlight || !this.ledger.isEmpty() || !this.sessions.isEmpty()
    );
  }

  delta(): WorkerAppDelta {
    return { ...this.#present(), ...this.ledger.take(), sessions: this.sessions.take() };
  }

  briefDelta(): WorkerAppDelta {
    return { ...this.#present(), brief: true, rows: this.ledger.takeCounts(), slowest: [], statuses: NO_STATUSES };
  }

  #present(): Pick<WorkerAppDelta, "app" | "inFlight" | "held" | "targets"> {
    this.#unreported = 0;
    this.#reportedInFlight = this.#inFlight;
    return { app: this.name, inFlight: this.#inFlight, held: 0, targets: [] };
  }
}
