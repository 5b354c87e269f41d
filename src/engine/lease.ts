import { HitlessError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { Clock } from "../ports/clock.ts";
import type { Lease, LeaseTerm, Store } from "../ports/store.ts";
import { News } from "./news.ts";

export interface LeaseRules {
  /** Who takes it, for the record. */
  readonly holder: string;
  /** From the last renewal on, in milliseconds. */
  readonly ttlMs: number;
  /** Whether the one who has it can act no more although it has not expired: then nobody need wait. */
  isGone(lease: Lease): boolean;
}

/** So often within its time it is renewed; sooner if that failed. */
const RENEWALS = 3;
const RETRIES = 15;

/**
 * This daemon's leave to act. It is renewed all the time; when it cannot be, nothing is done from its end on until it can. When another daemon has
 * taken over, nothing is ever done again. What was under way at that moment is refused by the epoch: by journal, fleet and proxy.
 */
export class LeaseKeeper {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #rules: LeaseRules;
  readonly #news = new News();
  readonly #closing = new AbortController();
  readonly #lost = Promise.withResolvers<HitlessError>();
  #lease: Lease | null = null;
  #takenOver: HitlessError | null = null;

  constructor(store: Store, ports: { readonly clock: Clock; readonly log: Logger }, rules: LeaseRules) {
    this.#store = store;
    this.#clock = ports.clock;
    this.#log = ports.log;
    this.#rules = rules;
  }

  /** Takes the lease and keeps it. @throws ERR_DAEMON_RUNNING while another daemon has it */
  async take(): Promise<void> {
    for (;;) {
      const last = await this.#store.lease();
      if (last !== null && !(await this.#isFree(last))) throw heldBy(last);
      this.#lease = await this.#store.takeLease(last?.epoch ?? 0, this.#term());
      if (this.#lease === null) continue;
      void this.#keep();
      return;
    }
  }

  /** One that was renewed in the future was written before the clock was set back: then it is watched for as long as it lasts. */
  async #isFree(last: Lease): Promise<boolean> {
    const now = this.#clock.now();
    if (last.expiresAt <= now || this.#rules.isGone(last)) return true;
    if (last.renewedAt <= now) return false;
    await this.#clock.sleepUntil(now + last.expiresAt - last.renewedAt, this.#closing.signal);
    const present = await this.#store.lease();
    return present?.epoch === last.epoch && present.renewedAt === last.renewedAt;
  }

  get epoch(): number {
    return this.#lease?.epoch ?? 0;
  }

  /** Resolves, with what it means, when another daemon has taken over. */
  get lost(): Promise<HitlessError> {
    return this.#lost.promise;
  }

  isHeld(): boolean {
    return this.#takenOver === null && this.#lease !== null && this.#clock.now() < this.#lease.expiresAt;
  }

  /** Resolves while this daemon may act; waits while that is unknown. @throws ERR_STALE_EPOCH when another has taken over */
  async held(): Promise<void> {
    while (!this.isHeld()) {
      if (this.#takenOver !== null) throw this.#takenOver;
      await this.#news.wait();
    }
  }

  /** Gives it back, so that the next daemon need not wait for its end. */
  async end(): Promise<void> {
    this.#closing.abort();
    if (this.#lease === null || this.#takenOver !== null) return;
    await this.#store.renewLease(this.#lease.epoch, { ...this.#term(), ttlMs: 0 }).catch(() => undefined);
  }

  async #keep(): Promise<void> {
    let wait = this.#rules.ttlMs / RENEWALS;
    while (!this.#closing.signal.aborted && this.#takenOver === null) {
      const woken = await this.#clock.sleepUntil(this.#clock.now() + wait, this.#closing.signal).then(
        () => true,
        () => false,
      );
      if (woken) wait = (await this.#renew()) ? this.#rules.ttlMs / RENEWALS : this.#rules.ttlMs / RETRIES;
    }
  }

  async #renew(): Promise<boolean> {
    try {
      this.#lease = await this.#store.renewLease(this.epoch, this.#term());
      this.#news.tell();
      return true;
    } catch (error) {
      if (error instanceof HitlessError && error.code === "ERR_STALE_EPOCH") this.#giveUp(error);
      else this.#log.error("the lease could not be renewed", { error: String(error) });
      return false;
    }
  }

  #giveUp(error: HitlessError): void {
    this.#takenOver = error;
    this.#lost.resolve(error);
    this.#news.tell();
  }

  #term(): LeaseTerm {
    return { holder: this.#rules.holder, now: this.#clock.now(), ttlMs: this.#rules.ttlMs };
  }
}

function heldBy({ holder, renewedAt }: Lease): HitlessError {
  return new HitlessError({
    code: "ERR_DAEMON_RUNNING",
    what: "Another daemon has the right to act here.",
    why: `It is ${holder}, which has renewed it at ${new Date(renewedAt).toISOString()}.`,
    next: "Use that one, stop it with `hitless down --keep-instances`, or name another directory with --state.",
  });
}
