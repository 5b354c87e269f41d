import type { InstanceName, ReleaseName } from "../../base/names.ts";
import type { BalanceSpec } from "../../core/routing.ts";
import type { LiveTarget, TargetGroup } from "./live-target.ts";
import { LeastOutstanding, RoundRobin, type TurnRules, type Turns } from "./turns.ts";

/** A new target gets at least this share of a turn, so that it is seen to work. */
const SLOW_START_FLOOR = 0.1;

export interface PoolEvents {
  /** The first of its targets has come up, or the last one has gone down. */
  onUpChanged(): void;
  /** Something can be chosen that could not be a moment ago. */
  onUsable(): void;
  /** Which of so many targets has the first turn in a new pool. */
  firstOf(count: number): number;
  random(): number;
  now(): number;
}

/** The targets of one release. It outlives route tables, so that turns go on where they were. */
export class BalancedPool implements TargetGroup, TurnRules<LiveTarget> {
  readonly release: ReleaseName;
  /** Its part of all requests, 0 to 1. */
  share = 0;
  /** Smooth weighted round robin: grows by the share each turn, falls by the sum of the shares when chosen. */
  credit = 0;
  readonly #events: PoolEvents;
  #targets: readonly LiveTarget[] = [];
  #balance: BalanceSpec;
  #turns: Turns<LiveTarget>;
  #up = 0;
  #usable = 0;
  #ejected = 0;
  #panic = false;
  #warming = false;
  /** The warmth of the warmest target that can be chosen: the others are measured by it, so that a pool that is all new shares evenly. */
  #warmest = 1;

  constructor(release: ReleaseName, balance: BalanceSpec, events: PoolEvents) {
    this.release = release;
    this.#balance = balance;
    this.#events = events;
    this.#turns = this.#newTurns();
  }

  /** Targets that are not down. */
  get up(): number {
    return this.#up;
  }

  /** Some target can be chosen now. */
  get isUsable(): boolean {
    return this.#usable > 0;
  }

  hasUntried(tried: ReadonlySet<InstanceName> | null): boolean {
    if (tried === null) return this.isUsable;
    return this.isUsable && this.#targets.some((target) => !tried.has(target.instance) && this.mayServe(target));
  }

  /** The same list once more costs nothing. */
  set(targets: readonly LiveTarget[], balance: BalanceSpec): void {
    if (targets === this.#targets && isSame(balance, this.#balance)) return;
    const first = this.#targets.length === 0 ? this.#events.firstOf(targets.length) : 0;
    const present = new Set(targets);
    const gone = this.#targets.filter((target) => !present.has(target));
    for (const target of gone) this.#leave(target);
    if (gone.length > 0 || balance.by !== this.#balance.by) this.#relist(balance);
    this.#targets = targets;
    this.#balance = balance;
    for (const target of targets) this.#join(target);
    this.#seeWarming();
    for (let index = 0; index < targets.length; index += 1) this.refresh(targets[(first + index) % targets.length] as LiveTarget);
  }

  /** Lets all its targets go. */
  dissolve(): void {
    for (const target of this.#targets) this.#leave(target);
    this.#targets = [];
  }

  /** With nothing up at all, those that are down are used: a wrong verdict then costs nothing. */
  setPanic(panic: boolean): void {
    if (panic === this.#panic) return;
    this.#panic = panic;
    for (const target of this.#targets) this.refresh(target);
  }

  next(tried: ReadonlySet<InstanceName> | null): LiveTarget | null {
    return this.#turns.next(tried);
  }

  tick(now: number): void {
    if (this.#warming) this.#seeWarming();
    if (this.#ejected === 0) return;
    for (const target of this.#targets) {
      if (!target.ejection.endWhenOver(now)) continue;
      this.#ejected -= 1;
      this.refresh(target);
    }
  }

  // --- what its targets tell ---

  refresh(target: LiveTarget): void {
    if (target.group !== this) return;
    this.#countUp(target);
    const usable = this.mayServe(target);
    if (usable === target.countsAsUsable) return;
    target.countsAsUsable = usable;
    this.#usable += usable ? 1 : -1;
    if (!usable) return;
    this.#turns.add(target);
    if (!target.ejection.refused) this.#events.onUsable();
  }

  /** At most half of a pool is passed over for what requests met there. */
  eject(target: LiveTarget): void {
    if (this.#ejected + 1 > this.#targets.length / 2) return;
    this.#ejected += 1;
    target.ejection.begin(this.#events.now());
    this.refresh(target);
  }

  restore(target: LiveTarget): void {
    if (!target.ejection.end()) return;
    this.#ejected -= 1;
    this.refresh(target);
  }

  // --- what those who keep turns ask ---

  mayServe(target: LiveTarget): boolean {
    return target.group === this && (this.#panic || target.isUp()) && target.inFlight < target.inFlightMax;
  }

  takesTurn(target: LiveTarget): boolean {
    if (!this.#warming) return true;
    target.turnCredit += Math.min(1, this.#warmth(target) / this.#warmest);
    if (target.turnCredit < 1) return false;
    target.turnCredit -= 1;
    return true;
  }

  /** How much of its turn it gets: rises in a line to 1 over the time of the slow start. */
  #warmth({ addedAt }: LiveTarget): number {
    const { slowStartMs } = this.#balance;
    if (slowStartMs === 0) return 1;
    return Math.min(1, Math.max(SLOW_START_FLOOR, (this.#events.now() - addedAt) / slowStartMs));
  }

  #seeWarming(): void {
    this.#warming = this.#targets.some((target) => this.#warmth(target) < 1);
    const warmths = this.#targets.filter((target) => target.isUp()).map((target) => this.#warmth(target));
    this.#warmest = Math.max(SLOW_START_FLOOR, ...warmths);
  }

  #join(target: LiveTarget): void {
    if (target.group === this) return;
    target.group = this;
    target.listed = false;
    target.countsAsUp = false;
    target.countsAsUsable = false;
    target.turnCredit = 0;
    target.addedAt = this.#events.now();
    if (target.ejection.isActive) this.#ejected += 1;
  }

  #leave(target: LiveTarget): void {
    target.group = null;
    target.listed = false;
    if (target.ejection.isActive) this.#ejected -= 1;
    if (target.countsAsUsable) this.#usable -= 1;
    if (target.countsAsUp) this.#up -= 1;
    target.countsAsUsable = false;
    target.countsAsUp = false;
    if (this.#up === 0) this.#events.onUpChanged();
  }

  #countUp(target: LiveTarget): void {
    const up = target.isUp();
    if (up === target.countsAsUp) return;
    target.countsAsUp = up;
    this.#up += up ? 1 : -1;
    if (this.#up === 0 || (up && this.#up === 1)) this.#events.onUpChanged();
  }

  /** Those who left do not stand in the way of the others, who keep their order. */
  #relist(balance: BalanceSpec): void {
    const listed = this.#turns.takeAll();
    this.#balance = balance;
    this.#turns = this.#newTurns();
    for (const target of listed) if (target.group === this) this.#turns.add(target);
  }

  #newTurns(): Turns<LiveTarget> {
    return this.#balance.by === "least" ? new LeastOutstanding(this, () => this.#events.random()) : new RoundRobin(this);
  }
}

function isSame(a: BalanceSpec, b: BalanceSpec): boolean {
  return a.by === b.by && a.slowStartMs === b.slowStartMs && a.maxPerInstance === b.maxPerInstance;
}
