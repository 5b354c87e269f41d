import type { InstanceName, ReleaseName } from "../../base/names.ts";
import type { RouteTable } from "../../core/routes.ts";
import type { AccessLog } from "../access-log/access-log.ts";
import { AccessTrace } from "../access-log/access-trace.ts";
import type { OldAssets } from "./assets/old-assets.ts";
import type { OwnPages } from "./error-response.ts";
import type { ForwardedFields } from "./forwarded-fields.ts";
import type { ClientAddress } from "./forwarded-fields.ts";
import type { Held } from "./in-flight.ts";
import type { Mirror } from "./mirror.ts";
import type { OwnAnswer } from "./own-answer.ts";
import type { RequestHead } from "./request-head.ts";
import type { LiveTarget } from "./live-target.ts";
import type { RequestBook } from "./request-book.ts";
import { refusal, type Refusal } from "./refusal.ts";
import type { ResponseHead } from "./response-head.ts";

/** An app as a request of it sees it. */
export interface RoutedApp {
  /** The present one. */
  readonly table: RouteTable;
  /** The line that answers over TLS carry beside the application's own; empty for none. */
  readonly hsts: string;
  readonly accessLog: AccessLog | null;
  /** While a share of its requests goes to another release, too. */
  readonly mirror: Mirror | null;
  readonly forwarding: ForwardedFields;
  /** What the proxy's own answers look like. */
  readonly pages: OwnPages;
  /** Requests that waited are being let go: a new one goes behind them. */
  readonly lineMoves: boolean;
  /** When one that waits since then has waited long enough; both in milliseconds since the epoch. */
  holdEnd(since: number): number;
  /** The answer that a request gets in the place of the application's, or null. */
  turnAway(head: RequestHead, client: ClientAddress): OwnAnswer | null;
  /** True if there is room for the request to wait for a usable target. */
  hold(exchange: Held): boolean;
  /** More of one that waits has been read; false when that is too much. */
  grown(exchange: Held): boolean;
  /** It goes to a target now. */
  letGo(exchange: Held): void;
  /** A request has ended; null where it never waited. */
  release(exchange: Held | null): void;
  /** Takes one retry out of the budget, if there is one. */
  mayRetry(): boolean;
}

/** For the app's access log; null without one. */
export function traceOf(
  { accessLog, forwarding }: RoutedApp,
  client: ClientAddress & { readonly requestBeganAt: number },
  head: RequestHead,
): AccessTrace | null {
  return accessLog === null ? null : new AccessTrace(accessLog, forwarding.clientOf(head, client), client, head);
}

/** Whose a request is and where it may go. */
export interface Route {
  readonly app: RoutedApp;
  readonly book: RequestBook;
  /** What the proxy adds to the answer of that release: fields, each with its CRLF. */
  readonly answerFields: (answer: ResponseHead, served: ReleaseName) => string;
  /** Whose files answer where the application says 404; null: nobody's. */
  assets(): OldAssets | null;
  /** A target that was not tried yet, or null if there is none at the moment. */
  pick(tried: ReadonlySet<InstanceName> | null): LiveTarget | null;
}

/** A request that goes nowhere, and where that is counted. */
export interface Unrouted extends Refusal {
  readonly book: RequestBook;
}

export function unrouted(book: RequestBook, status: number, reason: string): Unrouted {
  return { ...refusal(status, reason), book };
}
