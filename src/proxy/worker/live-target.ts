import type { InstanceName, ReleaseName } from "../../base/names.ts";
import type { Target } from "../../core/routes.ts";
import type { InFlight } from "./in-flight.ts";
import type { Limits } from "./limits.ts";
import { Registry } from "./registry.ts";
import { UpstreamSessions } from "./http2/upstream-sessions.ts";
import type { TargetPool } from "./target-pool.ts";
import { UpstreamPool } from "./upstream-pool.ts";

/** A target that refused a connection is passed over for this long, before any health check has noticed. */
const DIAL_EJECTION_MS = 1_000;

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
  /** The holder's health checks say so. */
  down = false;
  #ejectedUntil = 0;
  #whenIdle: (() => void)[] = [];

  constructor(target: Target, release: ReleaseName, limits: Limits) {
    this.instance = target.instance;
    this.release = release;
    this.host = target.host;
    this.port = target.port;
    this.pool = new (target.protocol === "h2c" ? UpstreamSessions : UpstreamPool)(target.host, target.port, limits);
  }

  isUp(): boolean {
    return !this.down && (this.#ejectedUntil === 0 || this.#ejectedUntil < Date.now());
  }

  /** A dial failed just now. */
  eject(): void {
    this.#ejectedUntil = Date.now() + DIAL_EJECTION_MS;
  }

  /** A dial worked again. */
  restore(): void {
    this.#ejectedUntil = 0;
  }

  begin(exchange: InFlight): void {
    this.exchanges.add(exchange);
    this.requests += 1;
  }

  end(exchange: InFlight): void {
    this.exchanges.delete(exchange);
    if (this.exchanges.size > 0 || this.#whenIdle.length === 0) return;
    const waiters = this.#whenIdle;
    this.#whenIdle = [];
    for (const waiter of waiters) waiter();
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
