import type { Gate, MaintenanceGate, PauseGate } from "../../core/gate.ts";
import { AddressSet } from "./address-set.ts";
import { ownPage } from "./error-response.ts";
import { cookieTest, type FieldTest } from "./head-fields.ts";
import type { OwnAnswer } from "./own-answer.ts";
import type { RequestHead } from "./request-head.ts";

const PAGE = {
  type: "text/html; charset=utf-8",
  body:
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    "<title>Back soon</title><h1>Back soon</h1><p>This is being worked on. Please come back in a few minutes.</p></html>\n",
};

/** What stands before an app, ready for being asked with each request. */
export class AppGate {
  readonly #exceptPaths: ReadonlySet<string>;
  readonly #pause: PauseGate | null;
  readonly #maintenance: OwnAnswer | null;
  readonly #allow: AddressSet | null;
  readonly #cookies: readonly FieldTest[];

  constructor(gate: Gate | undefined) {
    const maintenance = gate?.maintenance ?? null;
    this.#exceptPaths = new Set(gate?.exceptPaths);
    this.#pause = gate?.pause ?? null;
    this.#maintenance = maintenance === null ? null : answerOf(maintenance);
    this.#allow = maintenance === null || maintenance.allow.length === 0 ? null : new AddressSet(maintenance.allow);
    this.#cookies = maintenance?.allowCookies.map(({ name, value }) => cookieTest(name, value)) ?? [];
  }

  /** Nothing stands before the app. */
  get isOpen(): boolean {
    return this.#pause === null && this.#maintenance === null;
  }

  get inMaintenance(): boolean {
    return this.#maintenance !== null;
  }

  /** Requests wait; a pause that ends by itself is over at its limit. */
  isPaused(now: number): boolean {
    return this.#pause !== null && (this.#pause.then === "refuse" || now < this.#pause.until);
  }

  /** When those that wait because of the pause get their 503 (milliseconds since the epoch). */
  get pauseEnd(): number {
    return this.#pause?.then === "refuse" ? this.#pause.until : Infinity;
  }

  /** When a pause that goes over by itself is over. */
  get resumesAt(): number {
    return this.#pause?.then === "resume" ? this.#pause.until : 0;
  }

  /** A health check of somebody else's balancer goes to the application all the same. */
  isExcepted({ target }: RequestHead): boolean {
    return this.#exceptPaths.has(target.split("?", 1)[0] ?? "");
  }

  /** The maintenance page, for whom it is meant. */
  turnAway(head: RequestHead, address: string): OwnAnswer | null {
    if (this.#maintenance === null || this.isExcepted(head) || this.#allow?.has(address) === true) return null;
    return this.#cookies.some((test) => test(head.forward)) ? null : this.#maintenance;
  }
}

function answerOf({ status, retryAfterS, page }: MaintenanceGate): OwnAnswer {
  const again = retryAfterS === null ? "" : `Retry-After: ${String(retryAfterS)}\r\n`;
  return { status, column: "maintenance", fields: `Cache-Control: no-store\r\n${again}`, ...ownPage(page ?? PAGE) };
}
