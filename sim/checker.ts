import type { RouteTable } from "../src/core/routes.ts";
import type { SimInstance } from "./fleet.ts";

/**
 * Watches the world from outside and knows nothing of the engine: what the fleet and the proxy are told must keep the rules at every step.
 */
export class Checker {
  readonly violations: string[] = [];
  readonly #instances: ReadonlyMap<string, SimInstance>;
  #table: RouteTable | null = null;
  readonly #everRouted = new Set<string>();
  readonly #drained = new Set<string>();
  /** The fewest ready targets the plan allows while a deployment runs; set by the run. */
  floor = 0;

  constructor(instances: ReadonlyMap<string, SimInstance>) {
    this.#instances = instances;
  }

  get table(): RouteTable | null {
    return this.#table;
  }

  whenTable(table: RouteTable): void {
    const last = this.#table;
    if (last !== null && (table.epoch < last.epoch || (table.epoch === last.epoch && table.revision < last.revision))) {
      this.#break(`table ${table.epoch}/${table.revision} was accepted after ${last.epoch}/${last.revision}`);
    }
    this.#table = table;
    const names = table.pools.flatMap((pool) => pool.targets.map((target) => target.instance));
    for (const name of names) {
      this.#everRouted.add(name);
      this.#drained.delete(name);
      const instance = this.#instances.get(name);
      if (instance === undefined) this.#break(`${name} is routed but was never started`);
      else if (!instance.ready) this.#break(`${name} is routed but is not ready`);
      else if (instance.signalled) this.#break(`${name} is routed but was told to stop`);
    }
    const usable = names.filter((name) => this.#instances.get(name)?.alive === true).length;
    if (usable < this.floor && !this.#crashedRecently()) this.#break(`only ${usable} of ${this.floor} targets are routed`);
  }

  whenRemoved(): void {
    this.#table = null;
  }

  whenDrained(names: readonly string[]): void {
    for (const name of names) this.#drained.add(name);
  }

  whenSignalled(instance: SimInstance): void {
    if (!instance.alive || !this.#everRouted.has(instance.name)) return;
    if (this.#isRouted(instance.name)) this.#break(`${instance.name} was told to stop while it is routed`);
    if (!this.#drained.has(instance.name)) this.#break(`${instance.name} was told to stop before its drain was acknowledged`);
  }

  #isRouted(name: string): boolean {
    return this.#table?.pools.some((pool) => pool.targets.some((target) => target.instance === name)) ?? false;
  }

  /** Capacity that the world itself took away is not the engine's fault. */
  #crashedRecently(): boolean {
    return [...this.#instances.values()].some((instance) => instance.crashed);
  }

  #break(rule: string): void {
    this.violations.push(rule);
  }
}
