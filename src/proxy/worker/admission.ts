import { NO_RELEASE, type LedgerColumn } from "../../core/ledger.ts";
import { ownAnswer } from "./answer-instead.ts";
import { errorAnswer } from "./error-response.ts";
import type { OwnAnswer } from "./own-answer.ts";
import { isRefusal } from "./refusal.ts";
import type { RequestBook } from "./request-book.ts";
import type { RequestHead } from "./request-head.ts";
import { traceOf, type Route } from "./route.ts";
import type { Router, RouterClient } from "./router.ts";

/** Who asks. */
export interface Asker extends RouterClient {
  readonly requestBeganAt: number;
}

/** A request that the proxy answers itself; it is counted by now. */
export interface Answered {
  readonly own: OwnAnswer;
  /** The line of the app that goes with its answers over TLS; empty for none. */
  readonly hsts: string;
}

/** The way of a request to its application, or what it gets instead. `book`: where it is counted so far; `challenges`: see `ownAnswer`. */
export function admit(
  head: RequestHead,
  asker: Asker,
  { router, book, challenges }: { router: Router; book: RequestBook; challenges: ReadonlyMap<string, string> },
): Route | Answered {
  const route = router.route(head, book, asker);
  if (isRefusal(route)) {
    const own = ownAnswer(head, asker, null, challenges) ?? { ...errorAnswer(route.status, route.reason), column: "refused" };
    return answered(route.book, own, "");
  }
  const { app } = route;
  const own = ownAnswer(head, asker, app, challenges);
  if (own === null) return route;
  traceOf(app, asker, head)?.end(NO_RELEASE, columnOf(own), own.status);
  return answered(route.book, own, asker.secure ? app.hsts : "");
}

function answered(book: RequestBook, own: OwnAnswer, hsts: string): Answered {
  book.end(NO_RELEASE, columnOf(own), own.status);
  return { own, hsts };
}

function columnOf({ column = "served" }: OwnAnswer): LedgerColumn {
  return column;
}
