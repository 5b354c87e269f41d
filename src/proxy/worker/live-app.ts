import type { InstanceName, ReleaseName } from "../../base/names.ts";
import type { RouteTable, Target } from "../../core/routes.ts";
import type { MirrorRequest } from "../../core/judging/mirror.ts";
import { DEFAULT_BALANCE } from "../../core/routing.ts";
import { AccessLog } from "../access-log/access-log.ts";
import { LogFiles } from "../access-log/log-file.ts";
import type { WorkerAppDelta } from "../messages.ts";
import { hasSameTargets } from "../table-change.ts";
import { AppGate } from "./app-gate.ts";
import { AppRoutes } from "./app-routes.ts";
import { NO_PAGES, ownPages } from "./error-response.ts";
import { Balancer, type PoolParts } from "./balancer.ts";
import type { ClientAddress } from "./forwarded-fields.ts";
import { closeTunnels, endStreams } from "./ends-in-order.ts";
import { ForwardedFields } from "./forwarded-fields.ts";
import type { Held } from "./in-flight.ts";
import type { Limits } from "./limits.ts";
import { LiveTarget } from "./live-target.ts";
import { Mirror } from "./mirror.ts";
import type { OwnAnswer } from "./own-answer.ts";
import type { RequestHead } from "./request-head.ts";
import { RequestBook } from "./request-book.ts";
import { ReleaseSeal } from "./release-seal.ts";
import type { Route, RoutedApp, Unrouted } from "./route.ts";
import { WaitingLine, type LineBounds } from "./waiting-line.ts";

/** Retries may add a tenth to the load, and a few in any case, so that a dying application is not hit twice as hard. */
const RETRY_SHARE = 0.1;
const RETRIES_ALWAYS = 20;
/** Those that waited because of a pause have so much time at least to be let go. */
const AFTER_PAUSE_MS = 5_000;

/** In milliseconds. */
export interface DrainLimit {
  /** Requests that still run after this are cut. */
  readonly requestsMs: number;
  /** Everything that is still open after this is closed. */
  readonly limitMs: number;
}

export interface LiveAppOptions {
  /** Among how many workers the limits per instance are shared. */
  readonly workers?: number;
  readonly logs?: LogFiles;
  /** Absent: one of its own. */
  readonly seal?: ReleaseSeal;
}

/** One app in one worker: its present table, its targets, its waiting requests and its ledger. */
export class LiveApp implements RoutedApp {
  readonly name: string;
  readonly book: RequestBook;
  /** Previews are no clients' requests: they have a book of their own. */
  readonly previews: RequestBook;
  readonly #line = new WaitingLine();
  #gate = new AppGate(undefined);
  /** When requests last went on after a pause (milliseconds since the epoch). */
  #resumedAt = 0;
  #awaitQuiet: ((quiet: boolean) => void)[] = [];
  table: RouteTable;
  hsts = "";
  accessLog: AccessLog | null = null;
  mirror: Mirror | null = null;
  forwarding = new ForwardedFields();
  pages = NO_PAGES;
  readonly #limits: Limits;
  readonly #logs: LogFiles;
  readonly #routes: AppRoutes;
  readonly #targets = new Map<InstanceName, LiveTarget>();
  /** As the present table has them. */
  #pools: readonly PoolParts[] = [];
  readonly #balancer: Balancer;
  /** Workers among which a limit per instance is shared. */
  #workers: number;
  #inFlightMax = Infinity;
  #down: ReadonlySet<InstanceName> = new Set();
  #reportedHeld = 0;
  #routedTargets = 0;
  #reportedTunnels = 0;
  #finishing = false;
  #retries = RETRIES_ALWAYS;

  /** `report` is called when so many requests have begun that they must be handed over. */
  constructor(
    table: RouteTable,
    limits: Limits,
    report: () => void,
    { workers = 1, logs, seal = new ReleaseSeal() }: LiveAppOptions = {},
  ) {
    this.name = table.app;
    this.table = table;
    this.#limits = limits;
    this.#logs = logs ?? new LogFiles();
    this.#workers = workers;
    this.#balancer = new Balancer({
      startsByLot: workers > 1,
      onUsable: () => {
        this.#wakeHeld();
      },
    });
    this.book = new RequestBook(table.app, report);
    this.previews = new RequestBook(`${table.app}/previews`, report);
    const isPaused = (): boolean => this.#isPaused();
    this.#routes = new AppRoutes({
      app: this,
      book: this.book,
      previews: this.previews,
      balancer: this.#balancer,
      seal,
      isPaused,
    });
    this.#install(table);
  }

  /** Replaces the table in one step; false for one older than the present one. */
  apply(table: RouteTable, workers: number): boolean {
    const { epoch, revision } = this.table;
    if (table.epoch < epoch || (table.epoch === epoch && table.revision < revision)) return false;
    this.#workers = workers;
    const paused = this.#isPaused();
    this.#install(table);
    if (paused && !this.#isPaused()) this.#resumedAt = Date.now();
    if (this.#gate.inMaintenance) for (const exchange of this.#line.all()) exchange.turnAway();
    this.#checkQuiet();
    this.#wakeHeld();
    return true;
  }

  setDown(down: readonly InstanceName[]): void {
    this.#down = new Set(down);
    for (const target of this.#targets.values()) target.setDown(this.#down.has(target.instance));
  }

  /** Where a request of this app may go. */
  route(head: RequestHead, client: ClientAddress): Route | Unrouted {
    this.#retries = Math.min(this.#retries + RETRY_SHARE, 10 * RETRIES_ALWAYS);
    return this.#routes.route(head, client);
  }

  turnAway(head: RequestHead, client: ClientAddress): OwnAnswer | null {
    return this.#gate.inMaintenance ? this.#gate.turnAway(head, this.forwarding.clientOf(head, client)) : null;
  }

  /** Sends a share of the requests to that release, too. Who mirrored before has its end. */
  beginMirror(request: MirrorRequest): Mirror {
    this.mirror?.end();
    this.mirror = new Mirror({ ...request, pick: () => this.#balancer.pickIn(request.release, null) });
    return this.mirror;
  }

  /** Calls back with true when nothing is in flight but tunnels, with false as soon as the app is not paused. */
  whenQuiet(done: (quiet: boolean) => void): void {
    this.#awaitQuiet.push(done);
    this.#checkQuiet();
  }

  target(instance: InstanceName): LiveTarget | null {
    return this.#targets.get(instance) ?? null;
  }

  /** Calls back when nothing to the instances is in flight; their WebSockets and event streams are ended in order within the limits. */
  drain(instances: readonly InstanceName[], limit: DrainLimit, done: () => void): void {
    const targets = instances.map((name) => this.target(name)).filter((target) => target !== null);
    let left = targets.length;
    if (left === 0) done();
    for (const target of targets) {
      target.drain(() => {
        left -= 1;
        if (left === 0) done();
      });
    }
    this.#endInOrder(targets, limit);
  }

  /** The worker ends: all WebSockets and event streams are ended in order within the limit. */
  finish(limitMs: number): void {
    this.#finishing = true;
    this.#endInOrder([...this.#targets.values()], { requestsMs: limitMs, limitMs });
  }

  /** `what` is left at the limit of a drain ends. */
  cut(instances: readonly InstanceName[], what: "requests" | "everything"): void {
    for (const name of instances) {
      const target = this.target(name);
      target?.cut();
      if (what === "everything") target?.cutTunnels();
    }
  }

  #endInOrder(targets: readonly LiveTarget[], { requestsMs, limitMs }: DrainLimit): void {
    const { websockets, eventStreams } = this.table.proxy;
    closeTunnels(targets, limitMs, websockets);
    endStreams(targets, requestsMs, eventStreams);
  }

  mayRetry(): boolean {
    if (this.#retries < 1) return false;
    this.#retries -= 1;
    return true;
  }

  get lineMoves(): boolean {
    return this.#line.moves;
  }

  /** Connections that one client may have in this worker. */
  get clientConnectionsMax(): number {
    const { connectionsPerClient } = this.table.proxy;
    return connectionsPerClient === undefined ? Infinity : Math.ceil(connectionsPerClient / this.#workers);
  }

  holdEnd(since: number): number {
    if (this.#isPaused()) return this.#gate.pauseEnd;
    const { holdMs } = this.table.proxy;
    const resumedAt = Math.max(this.#resumedAt, this.#gate.resumesAt);
    return since <= resumedAt ? resumedAt + Math.max(holdMs, AFTER_PAUSE_MS) : since + holdMs;
  }

  hold(exchange: Held): boolean {
    return this.#line.join(exchange, this.#lineBounds());
  }

  grown(exchange: Held): boolean {
    return this.#line.grown(exchange, this.#lineBounds());
  }

  letGo(exchange: Held): void {
    this.#line.letGo(exchange);
  }

  release(exchange: Held | null): void {
    if (exchange !== null && this.#line.leave(exchange)) this.#wakeHeld();
    if (this.#awaitQuiet.length > 0) this.#checkQuiet();
  }

  sweep(now: number): void {
    for (const target of this.#targets.values()) {
      target.pool.sweep(now);
      if (!target.routed && target.inFlight === 0) this.#targets.delete(target.instance);
    }
    this.#balancer.tick(now);
    this.#line.tick(now, this.#lineBounds());
    this.#checkQuiet();
    this.#wakeHeld();
  }

  close(): void {
    for (const done of this.#awaitQuiet.splice(0)) done(false);
    for (const target of this.#targets.values()) target.pool.retire();
    this.endHolds();
  }

  /** Those that wait get their 503 now. */
  endHolds(): void {
    for (const exchange of this.#line.all()) exchange.giveUpHold();
  }

  /** There is something to hand over, or what was handed over last is not true any more. */
  hasNews(): boolean {
    return this.#line.size !== this.#reportedHeld || this.#tunnelCount() !== this.#reportedTunnels || this.book.hasNews();
  }

  delta(): WorkerAppDelta {
    this.#reportedHeld = this.#line.size;
    this.#reportedTunnels = this.#tunnelCount();
    const targets = [...this.#targets.values()].filter(({ requests, inFlight }) => requests > 0 || inFlight > 0).map(countsOf);
    return { ...this.book.delta(), held: this.#line.size, targets };
  }

  briefDelta(): WorkerAppDelta {
    return { ...this.book.briefDelta(), held: this.#line.size };
  }

  #tunnelCount(): number {
    let sum = 0;
    for (const target of this.#targets.values()) sum += target.tunnelCount;
    return sum;
  }

  #install(table: RouteTable): void {
    if (JSON.stringify(table.proxy.forwarding) !== JSON.stringify(this.table.proxy.forwarding) || this.#routedTargets === 0) {
      this.forwarding = new ForwardedFields(table.proxy.forwarding);
    }
    const balance = table.routing?.balance ?? DEFAULT_BALANCE;
    const inFlightMax = balance.maxPerInstance === null ? Infinity : Math.ceil(balance.maxPerInstance / this.#workers);
    const isSame = inFlightMax === this.#inFlightMax && hasSameTargets(table, this.table);
    this.#inFlightMax = inFlightMax;
    if (!isSame || this.#pools.length === 0) this.#pools = this.#poolsOf(table);
    const pools = table.pools.map(({ weight }, index) => ({ ...(this.#pools[index] as PoolParts), weight }));
    this.table = table;
    this.pages = ownPages(table.errorPages);
    this.book.sessions.configure(table.proxy.sessionCookies);
    this.#gate = new AppGate(table.gate);
    this.#routes.install(table, this.#gate);
    this.#routedTargets = pools.reduce((sum, { targets }) => sum + targets.length, 0);
    const hsts = table.tls?.hsts ?? null;
    this.hsts = hsts === null ? "" : `Strict-Transport-Security: ${hsts}\r\n`;
    const { accessLog } = table.proxy;
    this.accessLog = accessLog === undefined ? null : new AccessLog(table.app, accessLog, this.#logs.file(accessLog.path));
    this.#balancer.apply(pools, balance);
  }

  #poolsOf(table: RouteTable): readonly PoolParts[] {
    for (const target of this.#targets.values()) target.routed = false;
    return table.pools.map(({ release, weight, targets }) => ({
      release,
      weight,
      targets: targets.map((target) => this.#liveTarget(target, release)),
    }));
  }

  #liveTarget(target: Target, release: ReleaseName): LiveTarget {
    let live = this.#targets.get(target.instance);
    if (live?.isAt(target) !== true) {
      live = new LiveTarget(target, release, this.#limits);
      this.#targets.set(target.instance, live);
    }
    live.routed = true;
    if (!this.#finishing) live.revive();
    live.setDown(this.#down.has(target.instance));
    live.inFlightMax = this.#inFlightMax;
    return live;
  }

  /** Those that wait try again. */
  #wakeHeld(): void {
    if (this.#line.size > 0 && this.#balancer.isUsable && !this.#isPaused()) this.#line.advance(this.#routedTargets);
  }

  #isPaused(): boolean {
    return !this.#gate.isOpen && this.#gate.isPaused(Date.now());
  }

  #checkQuiet(): void {
    if (this.#awaitQuiet.length === 0) return;
    const paused = this.#isPaused();
    if (paused && ![...this.#targets.values()].every((target) => target.isQuiet())) return;
    for (const done of this.#awaitQuiet.splice(0)) done(paused);
  }

  #lineBounds(): LineBounds {
    const { heldRequestsMax, heldBytesMax } = this.#limits;
    const { holdRequests = heldRequestsMax, holdBytes = heldBytesMax } = this.table.proxy;
    return { requests: holdRequests, bytes: holdBytes };
  }
}

function countsOf(target: LiveTarget): WorkerAppDelta["targets"][number] {
  const { instance, requests, inFlight, tunnelCount: tunnels } = target;
  target.requests = 0;
  return { instance, requests, inFlight, tunnels };
}
