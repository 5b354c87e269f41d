import type { InstanceName } from "../../base/names.ts";
import type { LiveTarget } from "./live-target.ts";

interface BalancedPool {
  readonly weight: number;
  readonly targets: readonly LiveTarget[];
  /** Smooth weighted round robin: grows by the weight each turn, falls by the total when chosen. */
  credit: number;
  next: number;
}

/**
 * Shares requests out: over pools by weight (smoothly, so that any run of requests is in proportion), inside a pool in turn. Targets that are
 * down are passed over; when every target is down all of them are used, since a wrong verdict then costs nothing (panic mode).
 */
export class Balancer {
  readonly #pools: readonly BalancedPool[];

  constructor(pools: readonly { readonly weight: number; readonly targets: readonly LiveTarget[] }[]) {
    this.#pools = pools
      .filter((pool) => pool.weight > 0 && pool.targets.length > 0)
      .map((pool) => ({ ...pool, credit: 0, next: 0 }));
  }

  /** A target that was not tried yet, or null if there is none. */
  pick(tried: ReadonlySet<InstanceName> | null): LiveTarget | null {
    return this.#pickWhere((target) => target.isUp() && tried?.has(target.instance) !== true) ?? this.#panic(tried);
  }

  #panic(tried: ReadonlySet<InstanceName> | null): LiveTarget | null {
    const anyUp = this.#pools.some((pool) => pool.targets.some((target) => target.isUp()));
    return anyUp ? null : this.#pickWhere((target) => tried?.has(target.instance) !== true);
  }

  #pickWhere(usable: (target: LiveTarget) => boolean): LiveTarget | null {
    let chosen: BalancedPool | null = null;
    let total = 0;
    for (const pool of this.#pools) {
      if (!pool.targets.some(usable)) continue;
      pool.credit += pool.weight;
      total += pool.weight;
      if (chosen === null || pool.credit > chosen.credit) chosen = pool;
    }
    if (chosen === null) return null;
    chosen.credit -= total;
    return nextIn(chosen, usable);
  }
}

function nextIn(pool: BalancedPool, usable: (target: LiveTarget) => boolean): LiveTarget | null {
  for (let turn = 0; turn < pool.targets.length; turn += 1) {
    const target = pool.targets[pool.next];
    pool.next = (pool.next + 1) % pool.targets.length;
    if (target !== undefined && usable(target)) return target;
  }
  return null;
}
