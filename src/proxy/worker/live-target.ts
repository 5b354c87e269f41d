import type { InstanceName, ReleaseName } from "../../base/names.ts";
import type { Target } from "../../core/routes.ts";
import { Ejection } from "./ejection.ts";
import type { InFlight } from "./in-flight.ts";
import type { Limits } from "./limits.ts";
import { Registry } from "./registry.ts";
import { UpstreamSessions } from "./http2/upstream-sessions.ts";
import type { TargetPool } from "./target-pool.ts";
import { UpstreamPool } from "./upstream-pool.ts";

/** Those among whom a target is chosen. */
export interface TargetGroup {
  /** Whether it can be chosen may have changed. */
  refresh(target: LiveTarget): void;
  eject(target: LiveTarget): void;
  restore(target: LiveTarget): void;
}

/** A target with everything this worker knows of it. It lives from the first table that names it until nothing to it is in flight. */
export class LiveTarget {
  readonly instance: InstanceName;
  readonly release: ReleaseName;
  readonly host: string;
  readonly port: number;
  readonly pool: TargetPool;
  /** Requests given to it and not finished; tunnels included. */
  readonly exchanges = new Registry<InFlight>();
  /** Requests given since the last report. */
  requests = 0;
  /** In the present route table. */
  routed = true;
  /** So many requests may be in flight to it from this worker. */
  inFlightMax = Infinity;
  readonly ejection = new Ejection();
  // Where it stands in its group, whose business these are.
  group: TargetGroup | null = null;
  listed = false;
  countsAsUp = false;
  countsAsUsable = false;
  turnCredit = 0;
  addedAt = 0;
  #down = false;
  #whenIdle: (() => void)[] = [];

  constructor(target: Target, release: ReleaseName, limits: Limits) {
    this.instance = target.instance;
    this.release = release;
    this.host = target.host;
    this.port = target.port;
    this.pool = new (target.protocol === "h2c" ? UpstreamSessions : UpstreamPool)(target.host, target.port, limits);
  }

  get inFlight(): number {
    return this.exchanges.size;
  }

  isUp(): boolean {
    return !this.#down && !this.ejection.isActive;
  }

  /** The holder's health checks say so. */
  setDown(down: boolean): void {
    if (down === this.#down) return;
    this.#down = down;
    this.group?.refresh(this);
  }

  begin(exchange: InFlight): void {
    this.exchanges.add(exchange);
    this.requests += 1;
    if (this.inFlight === this.inFlightMax) this.group?.refresh(this);
  }

  end(exchange: InFlight): void {
    const before = this.inFlight;
    this.exchanges.delete(exchange);
    if (before >= this.inFlightMax && this.inFlight < this.inFlightMax) this.group?.refresh(this);
    if (this.inFlight > 0 || this.#whenIdle.length === 0) return;
    const waiters = this.#whenIdle;
    this.#whenIdle = [];
    for (const waiter of waiters) waiter();
  }

  // --- what requests meet there (passive health check) ---

  whenDialFailed(): void {
    if (this.ejection.dialFailed()) this.group?.eject(this);
  }

  whenDialled(): void {
    if (this.ejection.dialled()) this.group?.restore(this);
  }

  /** It gave no answer, half an answer, or none in time. */
  whenFailed(): void {
    if (this.ejection.failed()) this.group?.eject(this);
  }

  whenAnswered(): void {
    this.ejection.succeeded();
  }

  /** Closes what is idle now (a client of the application may always do that), and calls back when nothing is in flight. */
  drain(done: () => void): void {
    this.pool.retire();
    if (this.exchanges.size === 0) done();
    else this.#whenIdle.push(done);
  }

  /** Ends what is still in flight; gives how many requests (not tunnels) that were. */
  cut(): number {
    let requests = 0;
    for (const exchange of this.exchanges.values()) if (exchange.cut()) requests += 1;
    return requests;
  }
}
