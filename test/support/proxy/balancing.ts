import { DEFAULT_BALANCE, type BalanceSpec } from "../../../src/core/routing.ts";
import { Balancer } from "../../../src/proxy/worker/balancer.ts";
import type { InFlight } from "../../../src/proxy/worker/in-flight.ts";
import { DEFAULT_LIMITS } from "../../../src/proxy/worker/limits.ts";
import { LiveTarget } from "../../../src/proxy/worker/live-target.ts";

export function targetsOf(release: string, count: number, inFlightMax = Infinity): LiveTarget[] {
  return Array.from({ length: count }, (_, index) => {
    const target = new LiveTarget(
      { instance: `${release}.${index}`, host: "127.0.0.1", port: 1, health: null },
      release,
      DEFAULT_LIMITS,
    );
    target.inFlightMax = inFlightMax;
    return target;
  });
}

export interface Part {
  readonly release: string;
  readonly weight: number;
  readonly targets: readonly LiveTarget[];
}

/** A balancer whose time and chance the test holds. */
export class Scale {
  readonly balancer: Balancer;
  at = 1_000_000;
  usable = 0;

  constructor(random: () => number = () => 0) {
    this.balancer = new Balancer({
      onUsable: () => {
        this.usable += 1;
      },
      startsByLot: true,
      random,
      now: () => this.at,
    });
  }

  apply(parts: readonly Part[], balance: Partial<BalanceSpec> = {}): void {
    this.balancer.apply(parts, { ...DEFAULT_BALANCE, ...balance });
  }

  /** How often each instance is chosen in so many requests. */
  count(requests: number, by: (target: LiveTarget) => string = ({ instance }) => instance): Map<string, number> {
    const counts = new Map<string, number>();
    for (let request = 0; request < requests; request += 1) {
      const target = this.balancer.pick(null);
      const name = target === null ? "" : by(target);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }

  advance(ms: number): void {
    this.at += ms;
    this.balancer.tick(this.at);
  }
}

export function request(): InFlight {
  return { slot: -1, cut: () => undefined, tunnel: null, events: null };
}
