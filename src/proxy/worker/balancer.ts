import type { InstanceName, ReleaseName } from "../../base/names.ts";
import type { BalanceSpec } from "../../core/routing.ts";
import { BalancedPool, type PoolEvents } from "./balanced-pool.ts";
import { distance } from "./cohort.ts";
import type { LiveTarget } from "./live-target.ts";

export interface PoolParts {
  readonly release: ReleaseName;
  readonly weight: number;
  readonly targets: readonly LiveTarget[];
}

export interface BalancerOptions {
  /** A target can be chosen that could not be a moment ago. */
  readonly onUsable: () => void;
  /** The first turn in a new pool is drawn by lot, so that not all workers begin with the same target. */
  readonly startsByLot: boolean;
  readonly random?: () => number;
  readonly now?: () => number;
}

/**
 * Shares requests out: over pools by weight (smoothly, so that any run of requests is in proportion), inside a pool as its turns say. Targets
 * that are down are passed over; when every target is down all of them are used, since a wrong verdict then costs nothing (panic mode).
 */
export class Balancer implements PoolEvents {
  readonly random: () => number;
  readonly now: () => number;
  readonly #onUsable: () => void;
  readonly #startsByLot: boolean;
  readonly #pools = new Map<ReleaseName, BalancedPool>();
  #weighted: readonly BalancedPool[] = [];
  #applying = false;
  #panic = false;

  constructor({ onUsable, startsByLot, random = Math.random, now = Date.now }: BalancerOptions) {
    this.#onUsable = onUsable;
    this.#startsByLot = startsByLot;
    this.random = random;
    this.now = now;
  }

  /** Takes over a table; turns and credits go on where they were. */
  apply(parts: readonly PoolParts[], balance: BalanceSpec): void {
    this.#applying = true;
    const releases = new Set(parts.map(({ release }) => release));
    for (const [release, pool] of this.#pools) {
      if (releases.has(release)) continue;
      pool.dissolve();
      this.#pools.delete(release);
    }
    const total = parts.reduce((sum, { weight, targets }) => sum + (targets.length > 0 ? weight : 0), 0);
    for (const { release, weight, targets } of parts) {
      const pool = this.#pool(release, balance);
      pool.share = targets.length === 0 || weight === 0 ? 0 : weight / total;
      pool.set(targets, balance);
    }
    this.#weighted = [...this.#pools.values()].filter((pool) => pool.share > 0);
    this.#applying = false;
    this.onUpChanged();
  }

  /** A target that was not tried yet, or null if there is none at the moment. */
  pick(tried: ReadonlySet<InstanceName> | null): LiveTarget | null {
    const [only] = this.#weighted;
    if (only !== undefined && this.#weighted.length === 1) return only.next(tried);
    return this.#pickPool(tried)?.next(tried) ?? null;
  }

  /** As `pick`, but always of the same release for the same client, as long as weights allow and something of it is up. */
  pickFor(cohort: string, tried: ReadonlySet<InstanceName> | null): LiveTarget | null {
    let nearest: BalancedPool | null = null;
    let least = Infinity;
    for (const pool of this.#weighted) {
      if (pool.up === 0 && !this.#panic) continue;
      if (tried !== null && !pool.hasUntried(tried)) continue;
      const away = distance(cohort, pool.release, pool.share);
      if (away >= least) continue;
      least = away;
      nearest = pool;
    }
    return nearest?.next(tried) ?? null;
  }

  pickIn(release: ReleaseName, tried: ReadonlySet<InstanceName> | null): LiveTarget | null {
    return this.#pools.get(release)?.next(tried) ?? null;
  }

  /** As `pickIn`, but nothing when all of it is down. */
  pickUpIn(release: ReleaseName, tried: ReadonlySet<InstanceName> | null): LiveTarget | null {
    const pool = this.#pools.get(release);
    return pool === undefined || pool.up === 0 ? null : pool.next(tried);
  }

  /** Requests go to more than one release. */
  get isSplit(): boolean {
    return this.#weighted.length > 1;
  }

  /** Something could be chosen. */
  get isUsable(): boolean {
    for (const pool of this.#pools.values()) if (pool.isUsable) return true;
    return false;
  }

  tick(now: number): void {
    for (const pool of this.#pools.values()) pool.tick(now);
  }

  firstOf(count: number): number {
    return this.#startsByLot ? Math.floor(this.random() * count) : 0;
  }

  onUsable(): void {
    if (!this.#applying) this.#onUsable();
  }

  onUpChanged(): void {
    if (this.#applying) return;
    this.#panic = this.#weighted.every((pool) => pool.up === 0);
    for (const pool of this.#pools.values()) pool.setPanic(pool.share > 0 ? this.#panic : pool.up === 0);
  }

  #pickPool(tried: ReadonlySet<InstanceName> | null): BalancedPool | null {
    let chosen: BalancedPool | null = null;
    let total = 0;
    for (const pool of this.#weighted) {
      if (!pool.hasUntried(tried)) continue;
      pool.credit += pool.share;
      total += pool.share;
      if (chosen === null || pool.credit > chosen.credit) chosen = pool;
    }
    if (chosen !== null) chosen.credit -= total;
    return chosen;
  }

  #pool(release: ReleaseName, balance: BalanceSpec): BalancedPool {
    const known = this.#pools.get(release);
    if (known !== undefined) return known;
    const fresh = new BalancedPool(release, balance, this);
    this.#pools.set(release, fresh);
    return fresh;
  }
}
