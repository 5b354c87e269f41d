import type { RouteTable } from "../src/core/routes.ts";
import type { JobRequest } from "../src/ports/jobs.ts";
import type { SimInstance } from "./fleet.ts";

/**
 * Watches the world from outside and knows nothing of the engine: what the fleet and the proxy are told must keep the rules at every step.
 */
export class Checker {
  readonly violations: string[] = [];
  readonly #instances: ReadonlyMap<string, SimInstance>;
  #table: RouteTable | null = null;
  /** The highest that the proxy was told of. */
  #epoch = 0;
  #routed: ReadonlySet<string> = new Set();
  /** By the number of the last table that held it. */
  readonly #everRouted = new Map<string, number>();
  #tables = 0;
  readonly #jobs = new Set<string>();
  readonly #drained = new Set<string>();
  /** The fewest ready targets the plan allows while a deployment runs; set by the run. */
  floor = 0;
  /** So many fewer is what a plan allows. */
  slack = 0;
  /** Half of them is enough while requests go back to what is on standby: at once is worth more than whole. */
  isReturning = false;

  constructor(instances: ReadonlyMap<string, SimInstance>) {
    this.#instances = instances;
  }

  get table(): RouteTable | null {
    return this.#table;
  }

  whenTable(table: RouteTable): void {
    const last = this.#table;
    this.#noteEpoch(table.epoch);
    if (last?.epoch === table.epoch && table.revision < last.revision)
      this.#break(`table ${table.epoch}/${table.revision} was accepted after ${last.epoch}/${last.revision}`);
    this.#tables += 1;
    const before = this.#usable(last);
    this.#table = table;
    this.#routed = new Set(namesOf(table));
    const names = namesOf(table);
    for (const name of names) {
      this.#everRouted.set(name, this.#tables);
      this.#drained.delete(name);
      const instance = this.#instances.get(name);
      if (instance === undefined) this.#break(`${name} is routed but was never started`);
      else if (!instance.ready) this.#break(`${name} is routed but is not ready`);
      else if (instance.signalled) this.#break(`${name} is routed but was told to stop`);
    }
    // What the world itself took away is not the engine's fault, but no leave to take away more. What ended just now it cannot know yet.
    const least = Math.min(before, this.floor - this.slack, this.isReturning ? Math.ceil(this.floor / 2) : this.floor);
    const serving = servingIn(table).length;
    if (serving < least) this.#break(`only ${serving} targets get requests, ${least} must`);
  }

  whenRemoved(epoch: number): void {
    this.#noteEpoch(epoch);
    this.#table = null;
    this.#routed = new Set();
  }

  /** The tables so far: what a drain that begins now is told apart by. */
  get tables(): number {
    return this.#tables;
  }

  /** The drain began after so many tables. One that has come back into the routes since then has had requests again. */
  whenDrained(names: readonly string[], tables: number): void {
    for (const name of names) if ((this.#everRouted.get(name) ?? 0) <= tables) this.#drained.add(name);
  }

  whenSignalled(instance: SimInstance): void {
    if (!instance.alive || !this.#everRouted.has(instance.name)) return;
    if (this.#isRouted(instance.name)) this.#break(`${instance.name} was told to stop while it is routed`);
    if (!this.#drained.has(instance.name)) this.#break(`${instance.name} was told to stop before its drain was acknowledged`);
  }

  /** However often it was asked for: a job is begun once, and a hook once in a deployment. */
  whenJobStarted({ app, job, launch: { env } }: JobRequest): void {
    const hook = env["HITLESS_HOOK"];
    const keys = [`${app}/${job}`, ...(hook === undefined ? [] : [`${app}/${env["HITLESS_DEPLOYMENT"] ?? ""}/${hook}`])];
    for (const key of keys) {
      if (this.#jobs.has(key)) this.#break(`${key} was begun twice`);
      this.#jobs.add(key);
    }
  }

  #isRouted(name: string): boolean {
    return this.#routed.has(name);
  }

  /** What the proxy has as targets now. */
  routed(): readonly string[] {
    return [...this.#routed];
  }

  #usable(table: RouteTable | null): number {
    return servingIn(table).filter((name) => this.#instances.get(name)?.alive === true).length;
  }

  /** A writer that was replaced may be heard by the proxy until that has heard the new one, and never after that. */
  #noteEpoch(epoch: number): void {
    if (epoch < this.#epoch) this.#break(`two writers: the proxy took something of epoch ${epoch} after epoch ${this.#epoch}`);
    this.#epoch = Math.max(this.#epoch, epoch);
  }

  #break(rule: string): void {
    this.violations.push(rule);
  }
}

function namesOf(table: RouteTable | null): readonly string[] {
  return table?.pools.flatMap((pool) => pool.targets.map((target) => target.instance)) ?? [];
}

/** Those that get requests. */
function servingIn(table: RouteTable | null): readonly string[] {
  return (table?.pools ?? []).flatMap(({ weight, targets }) => (weight > 0 ? targets.map(({ instance }) => instance) : []));
}
