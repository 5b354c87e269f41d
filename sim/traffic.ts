import { HitlessError } from "../src/base/error.ts";
import type { Rng } from "../src/base/rng.ts";
import type { HealthSpec } from "../src/core/app-spec.ts";
import { NO_MIRROR_FIGURES, type MirrorFigures, type MirrorRequest } from "../src/core/judging/mirror.ts";
import type { LedgerSnapshot } from "../src/core/ledger.ts";
import type { DrainLimits, DrainOutcome, ProbeOutcome, RouteTable } from "../src/core/routes.ts";
import type { Traffic } from "../src/ports/traffic.ts";
import type { Checker } from "./checker.ts";
import type { SimClock } from "./clock.ts";
import type { SimFleet } from "./fleet.ts";

/** The proxy of the simulated machine. It outlives the engine, and is sometimes away for a moment. */
export class SimTraffic implements Traffic {
  readonly #clock: SimClock;
  readonly #rng: Rng;
  readonly #fleet: SimFleet;
  readonly #checker: Checker;
  /** How often a call finds the proxy away. */
  readonly #awayShare: number;
  /** How long the next drains take; the others by chance. */
  readonly #drainsMs: number[];
  readonly #passes = new Map<number, number>();
  #table: RouteTable | null = null;
  #life = 0;
  /** The highest that was seen. */
  #epoch = 0;

  constructor(parts: {
    clock: SimClock;
    rng: Rng;
    fleet: SimFleet;
    checker: Checker;
    awayShare: number;
    drainsMs?: readonly number[] | undefined;
  }) {
    this.#drainsMs = [...(parts.drainsMs ?? [])];
    this.#clock = parts.clock;
    this.#rng = parts.rng;
    this.#fleet = parts.fleet;
    this.#checker = parts.checker;
    this.#awayShare = parts.awayShare;
  }

  /** Another engine asks from here on. */
  whenBooted(): void {
    this.#life += 1;
    this.#passes.clear();
  }

  async apply(table: RouteTable): Promise<void> {
    await this.#travel();
    const held = this.#table;
    const isOlder = held !== null && table.epoch === held.epoch && table.revision < held.revision;
    if (table.epoch < this.#epoch || isOlder) {
      throw new HitlessError({ code: "ERR_STALE_EPOCH", what: "The proxy holds a newer table." });
    }
    this.#table = table;
    this.#epoch = table.epoch;
    this.#checker.whenTable(table);
    await this.#clock.pass(this.#rng.between(0, 10));
  }

  checkTls(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  async remove(_app: string, epoch: number): Promise<void> {
    await this.#travel();
    if (epoch < this.#epoch) throw new HitlessError({ code: "ERR_STALE_EPOCH", what: "The proxy was told by a newer writer." });
    this.#epoch = epoch;
    this.#table = null;
    this.#checker.whenRemoved(epoch);
  }

  async drain(_app: string, instances: readonly string[], limits: DrainLimits, signal?: AbortSignal): Promise<DrainOutcome> {
    await this.#travel();
    const { tables } = this.#checker;
    const told = this.#drainsMs.shift();
    const slow = told === undefined && this.#rng.chance(0.1);
    const ms = told ?? (slow ? limits.requestsMs : this.#rng.between(0, 500));
    // Who is told how long it takes does not hear that nobody waits for it any more.
    const heard = told === undefined && signal !== undefined ? signal : new AbortController().signal;
    await this.#clock.sleepUntil(this.#clock.now() + ms, heard);
    this.#checker.whenDrained(instances, tables);
    return { cut: slow ? 1 : 0, ms };
  }

  async quiet(): Promise<boolean> {
    await this.#travel();
    await this.#clock.pass(this.#rng.between(0, 500));
    return this.#table?.gate?.pause !== undefined;
  }

  async probe(target: { port: number }, health: HealthSpec): Promise<ProbeOutcome> {
    const life = this.#life;
    await this.#travel();
    // The check of an engine that is dead says nothing to the living one.
    if (life !== this.#life) return { kind: "fail", reason: "unreachable", saw: "nobody" };
    const passes = this.#fleet.answers(target.port) ? (this.#passes.get(target.port) ?? 0) + 1 : 0;
    this.#passes.set(target.port, passes);
    if (passes >= health.passes) this.#fleet.markReady(target.port);
    if (passes > 0) return { kind: "pass", status: 200, ms: 1 };
    return { kind: "fail", reason: "refused", saw: "connection refused" };
  }

  /** Both releases answer alike, mostly. */
  async mirror(_app: string, { forMs }: MirrorRequest, signal: AbortSignal): Promise<MirrorFigures> {
    await this.#travel();
    await this.#clock.sleepUntil(this.#clock.now() + forMs, signal);
    return { ...NO_MIRROR_FIGURES, pairs: 100, statusDiffers: this.#rng.chance(0.1) ? 50 : 0 };
  }

  present(): Promise<null> {
    return Promise.resolve(null);
  }

  ledger(app: string): Promise<LedgerSnapshot | null> {
    return Promise.resolve({ boot: "sim", app, at: this.#clock.now(), rows: [], inFlight: 0, slowest: [] });
  }

  async #travel(): Promise<void> {
    await this.#clock.pass(this.#rng.between(0, 5));
    if (this.#rng.chance(this.#awayShare)) throw new HitlessError({ code: "ERR_PROXY_UNREACHABLE", what: "The proxy is away." });
  }
}
