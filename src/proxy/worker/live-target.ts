import type { InstanceName, ReleaseName } from "../../base/names.ts";
import type { Target } from "../../core/routes.ts";
import { Ejection } from "./ejection.ts";
import type { CloseCode } from "../../core/websockets.ts";
import type { InFlight, OpenStream, OpenTunnel } from "./in-flight.ts";
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
  /** It speaks HTTP/2. */
  readonly http2: boolean;
  readonly pool: TargetPool;
  readonly #requests = new Registry<InFlight>();
  readonly #tunnels = new Registry<InFlight>();
  readonly #streams = new Registry<InFlight>();
  readonly #proxyProtocol: Target["proxyProtocol"];
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
  /** For tunnels that open while it drains. */
  #closing: { readonly at: number; readonly code: CloseCode } | null = null;
  /** For event streams that begin while it drains (milliseconds since the epoch). */
  #streamsEndAt = 0;
  #whenIdle: (() => void)[] = [];

  constructor(target: Target, release: ReleaseName, limits: Limits) {
    this.instance = target.instance;
    this.release = release;
    this.host = target.host;
    this.port = target.port;
    this.http2 = target.protocol === "h2c";
    this.pool = this.http2 ? new UpstreamSessions(target.host, target.port, limits) : new UpstreamPool(target, limits);
    this.#proxyProtocol = target.proxyProtocol;
  }

  /** It is reached in the same way. */
  isAt({ host, port, proxyProtocol }: Target): boolean {
    return this.host === host && this.port === port && this.#proxyProtocol === proxyProtocol;
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

  /** Requests given to it and not finished, and tunnels. */
  get inFlight(): number {
    return this.#requests.size + this.#tunnels.size + this.#streams.size;
  }

  get tunnels(): readonly OpenTunnel[] {
    return this.#tunnels.values().flatMap(({ tunnel }) => (tunnel === null ? [] : [tunnel]));
  }

  get streams(): readonly OpenStream[] {
    return this.#streams.values().flatMap(({ events }) => (events === null ? [] : [events]));
  }

  /** Tunnels and event streams: what is never cut. */
  get tunnelCount(): number {
    return this.#tunnels.size + this.#streams.size;
  }

  begin(exchange: InFlight): void {
    this.#requests.add(exchange);
    this.requests += 1;
    if (this.inFlight === this.inFlightMax) this.group?.refresh(this);
  }

  /** The request has become a tunnel. */
  switched(exchange: InFlight): void {
    this.#requests.delete(exchange);
    this.#tunnels.add(exchange);
    if (this.#closing !== null) exchange.tunnel?.closeAt(this.#closing.at, this.#closing.code);
  }

  /** The request's answer is a stream of events. */
  streaming(exchange: InFlight): void {
    this.#requests.delete(exchange);
    this.#streams.add(exchange);
    if (this.#streamsEndAt > 0) exchange.events?.closeAt(this.#streamsEndAt);
  }

  end(exchange: InFlight): void {
    const before = this.inFlight;
    this.#requests.delete(exchange);
    this.#streams.delete(exchange);
    this.#tunnels.delete(exchange);
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

  /** Nothing of it is in flight but tunnels and event streams. */
  isQuiet(): boolean {
    return this.#requests.size === 0;
  }

  /** Closes what is idle now (a client of the application may always do that), and calls back when nothing is in flight. */
  drain(done: () => void): void {
    this.pool.retire();
    if (this.inFlight === 0) done();
    else this.#whenIdle.push(done);
  }

  /** WebSockets that open from now on are closed at that time (milliseconds since the epoch). */
  closeLate(at: number, code: CloseCode): void {
    this.#closing ??= { at, code };
  }

  /** Event streams that begin from now on end at that time (milliseconds since the epoch). */
  endStreamsLate(at: number): void {
    if (this.#streamsEndAt === 0) this.#streamsEndAt = at;
  }

  /** It is in the table (again): WebSockets that were to be closed stay, and event streams. */
  revive(): void {
    this.pool.revive();
    if (this.#streamsEndAt > 0) {
      this.#streamsEndAt = 0;
      for (const stream of this.streams) stream.closeAt(0);
    }
    if (this.#closing === null) return;
    const { code } = this.#closing;
    this.#closing = null;
    for (const tunnel of this.tunnels) tunnel.closeAt(0, code);
  }

  /** Ends what is still in flight but tunnels. */
  cut(): void {
    for (const exchange of [...this.#requests.values(), ...this.#streams.values()]) exchange.cut();
  }

  cutTunnels(): void {
    for (const exchange of this.#tunnels.values()) exchange.cut();
  }
}
