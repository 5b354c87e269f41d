import type { HealthSpec } from "../../core/app-spec.ts";
import type { InstanceName } from "../../base/names.ts";
import type { RouteTable, Target } from "../../core/routes.ts";
import { isSame } from "../table-change.ts";
import { probe } from "./probe.ts";
import type { HealthVerdict } from "./succession.ts";

interface Check {
  readonly target: Target;
  readonly health: HealthSpec;
  readonly stop: AbortController;
  timer: NodeJS.Timeout | null;
  down: boolean;
  passes: number;
  failures: number;
  lastFailure: string | null;
}

/** Checks the targets of all present route tables, each at its own interval; tells when one falls or rises. */
export class HealthChecks {
  readonly #onChange: (app: string) => void;
  readonly #apps = new Map<string, Map<InstanceName, Check>>();

  constructor(onChange: (app: string) => void) {
    this.#onChange = onChange;
  }

  /**
   * Follows the table: what is new is checked from now on (it was ready when it was added), what is gone no more. What is to be checked in another
   * way is what it was until enough of the new checks say otherwise.
   */
  apply(table: RouteTable): void {
    const before = this.#apps.get(table.app) ?? new Map<InstanceName, Check>();
    const after = new Map<InstanceName, Check>();
    for (const target of table.pools.flatMap((pool) => pool.targets)) {
      if (target.health === null) continue;
      const known = before.get(target.instance);
      if (known !== undefined && isSame(known.target, target)) {
        after.set(target.instance, known);
        before.delete(target.instance);
      } else after.set(target.instance, this.#begin(table.app, target, target.health, known));
    }
    for (const check of before.values()) end(check);
    this.#apps.set(table.app, after);
  }

  /** What another holder has seen: such a target is down until it passes here. */
  believe({ app, instance, lastFailure }: HealthVerdict): void {
    const check = this.#apps.get(app)?.get(instance);
    if (check === undefined) return;
    check.down = true;
    check.lastFailure = lastFailure;
  }

  remove(app: string): void {
    for (const check of this.#apps.get(app)?.values() ?? []) end(check);
    this.#apps.delete(app);
  }

  down(app: string): readonly InstanceName[] {
    return [...(this.#apps.get(app)?.values() ?? [])].filter((check) => check.down).map((check) => check.target.instance);
  }

  /** For the holder that takes over. */
  verdicts(app: string): readonly HealthVerdict[] {
    return this.down(app).map((instance) => ({ app, instance, lastFailure: this.lastFailure(app, instance) }));
  }

  lastFailure(app: string, instance: InstanceName): string | null {
    return this.#apps.get(app)?.get(instance)?.lastFailure ?? null;
  }

  close(): void {
    for (const app of [...this.#apps.keys()]) this.remove(app);
  }

  #begin(app: string, target: Target, health: HealthSpec, before?: Check): Check {
    const check: Check = {
      target,
      health,
      stop: new AbortController(),
      timer: null,
      down: before?.down ?? false,
      passes: 0,
      failures: 0,
      lastFailure: before?.lastFailure ?? null,
    };
    this.#next(app, check, Math.random());
    return check;
  }

  /** A share of the interval is left to chance, so that many targets are not asked at once; the next check waits for the last one. */
  #next(app: string, check: Check, share: number): void {
    check.timer = setTimeout(() => void this.#check(app, check), check.health.intervalMs * share);
  }

  async #check(app: string, check: Check): Promise<void> {
    const { host, port, healthPort = port } = check.target;
    const outcome = await probe({ host, port: healthPort }, check.health, check.stop.signal);
    if (check.stop.signal.aborted) return;
    const was = check.down;
    if (outcome.kind === "pass") {
      check.failures = 0;
      check.passes += 1;
      if (check.passes >= check.health.passes) check.down = false;
    } else {
      check.passes = 0;
      check.failures += 1;
      check.lastFailure = outcome.saw;
      if (check.failures >= check.health.failures) check.down = true;
    }
    if (check.down !== was) this.#onChange(app);
    this.#next(app, check, 0.9 + 0.2 * Math.random());
  }
}

function end(check: Check): void {
  check.stop.abort();
  if (check.timer !== null) clearTimeout(check.timer);
}
