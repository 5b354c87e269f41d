import type { InstanceName } from "../../base/names.ts";
import { Ring } from "./ring.ts";

/** What takes turns; a target. */
export interface Turner {
  readonly instance: InstanceName;
  readonly inFlight: number;
  /** It stands among those that take turns; only they who keep them may set it. */
  listed: boolean;
}

export interface TurnRules<T> {
  /** It may be chosen now. One that may not is dropped, and comes back with `add`. */
  mayServe(turner: T): boolean;
  /** Whether it takes this turn, or lets it pass because it is new (slow start). */
  takesTurn(turner: T): boolean;
}

/**
 * Chooses among the members of one pool. Who cannot serve at the moment is found out when it would be chosen, and is then in nobody's way:
 * a choice costs the same however many there are.
 */
export interface Turns<T extends Turner> {
  add(turner: T): void;
  /** One that was not tried yet; null if there is none. */
  next(tried: ReadonlySet<InstanceName> | null): T | null;
  /** Everyone in their order, who stand here no longer. */
  takeAll(): readonly T[];
}

/** Each in turn. */
export class RoundRobin<T extends Turner> implements Turns<T> {
  readonly #ring = new Ring<T>();
  readonly #rules: TurnRules<T>;

  constructor(rules: TurnRules<T>) {
    this.#rules = rules;
  }

  add(turner: T): void {
    if (turner.listed) return;
    turner.listed = true;
    this.#ring.push(turner);
  }

  next(tried: ReadonlySet<InstanceName> | null): T | null {
    let passed: T | null = null;
    for (let left = this.#ring.size; left > 0; left -= 1) {
      const turner = this.#ring.shift();
      if (turner === undefined) break;
      if (!this.#rules.mayServe(turner)) {
        turner.listed = false;
        continue;
      }
      this.#ring.push(turner);
      if (tried?.has(turner.instance) === true) continue;
      if (this.#rules.takesTurn(turner)) return turner;
      passed ??= turner;
    }
    return passed;
  }

  takeAll(): readonly T[] {
    const all: T[] = [];
    for (let turner = this.#ring.shift(); turner !== undefined; turner = this.#ring.shift()) {
      turner.listed = false;
      all.push(turner);
    }
    return all;
  }
}

const DRAWS_MAX = 16;

/** The one with fewer requests in flight of two drawn by lot (power of two choices). */
export class LeastOutstanding<T extends Turner> implements Turns<T> {
  readonly #members: T[] = [];
  readonly #rules: TurnRules<T>;
  readonly #random: () => number;

  constructor(rules: TurnRules<T>, random: () => number) {
    this.#rules = rules;
    this.#random = random;
  }

  add(turner: T): void {
    if (turner.listed) return;
    turner.listed = true;
    this.#members.push(turner);
  }

  next(tried: ReadonlySet<InstanceName> | null): T | null {
    const first = this.#draw(tried, null);
    if (first === null) return tried === null ? null : this.#scan(tried);
    const second = this.#draw(tried, first);
    return second !== null && second.inFlight < first.inFlight ? second : first;
  }

  takeAll(): readonly T[] {
    for (const member of this.#members) member.listed = false;
    return this.#members.splice(0);
  }

  #draw(tried: ReadonlySet<InstanceName> | null, other: T | null): T | null {
    let passed: T | null = null;
    for (let draw = 0; draw < DRAWS_MAX;) {
      const index = Math.floor(this.#random() * this.#members.length);
      const turner = this.#members[index];
      if (turner === undefined) return null;
      if (!this.#rules.mayServe(turner)) {
        this.#drop(turner, index);
        continue;
      }
      draw += 1;
      if (turner === other || tried?.has(turner.instance) === true) continue;
      if (this.#rules.takesTurn(turner)) return turner;
      passed = turner;
    }
    return passed;
  }

  /** Where almost all have been tried, drawing may miss the rest. */
  #scan(tried: ReadonlySet<InstanceName>): T | null {
    return this.#members.find((turner) => this.#rules.mayServe(turner) && !tried.has(turner.instance)) ?? null;
  }

  #drop(turner: T, index: number): void {
    turner.listed = false;
    const last = this.#members.pop();
    if (last !== undefined && last !== turner) this.#members[index] = last;
  }
}
