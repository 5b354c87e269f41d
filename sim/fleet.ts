import type { Rng } from "../src/base/rng.ts";
import type { Exit, Fleet, StartRequest, Started, StopOptions } from "../src/ports/fleet.ts";
import type { Store } from "../src/ports/store.ts";
import type { SimClock } from "./clock.ts";

/** How the instances of a release behave. */
export type Behaviour = "good" | "slow" | "crashes" | "never-ready" | "flaps" | "dies-later";

export interface SimInstance {
  readonly name: string;
  readonly release: string;
  readonly behaviour: Behaviour;
  readonly port: number;
  readonly readyAt: number;
  alive: boolean;
  ready: boolean;
  signalled: boolean;
  /** It ended by itself. */
  crashed: boolean;
}

/** Processes of the simulated machine. They outlive the engine. */
export class SimFleet implements Fleet {
  readonly instances = new Map<string, SimInstance>();
  readonly #byPort = new Map<number, SimInstance>();
  /** Tells the checker before anything is signalled. */
  onSignal: (instance: SimInstance) => void = () => undefined;
  /** Told of each release of which an instance is really started. */
  onStart: (release: string) => void = () => undefined;
  readonly #clock: SimClock;
  readonly #fence: Pick<Store, "fenced">;
  readonly #rng: Rng;
  readonly #behaviours: ReadonlyMap<string, Behaviour>;
  /** Of every engine that was: the dead do not hear, and of two that live one has the lease. */
  readonly #listeners: ((exit: Exit) => void)[] = [];
  #nextPort = 20_000;

  constructor(parts: {
    readonly clock: SimClock;
    readonly rng: Rng;
    readonly behaviours: ReadonlyMap<string, Behaviour>;
    readonly fence: Pick<Store, "fenced">;
  }) {
    this.#clock = parts.clock;
    this.#rng = parts.rng;
    this.#behaviours = parts.behaviours;
    this.#fence = parts.fence;
  }

  async start(request: StartRequest): Promise<Started> {
    await this.#clock.pass(this.#rng.between(0, 20));
    return this.#fence.fenced(request.app, request.epoch, () => this.#start(request));
  }

  #start({ app, instance: name, release }: StartRequest): Started {
    const known = this.instances.get(name);
    if (known !== undefined) {
      if (!known.alive) this.#report(app, known);
      return startedOf(known);
    }
    this.onStart(release);
    const behaviour = this.#behaviours.get(release) ?? "good";
    const instance: SimInstance = {
      name,
      release,
      behaviour,
      port: (this.#nextPort += 1),
      readyAt: this.#clock.monotonic() + this.#rng.between(20, behaviour === "slow" ? 4_000 : 400),
      alive: true,
      ready: false,
      signalled: false,
      crashed: false,
    };
    this.instances.set(name, instance);
    this.#byPort.set(instance.port, instance);
    if (behaviour === "crashes") void this.#crashLater(app, instance, this.#rng.between(0, 300));
    if (behaviour === "dies-later") void this.#crashLater(app, instance, this.#rng.between(300, 3_000));
    return startedOf(instance);
  }

  async stop(app: string, name: string, options: StopOptions): Promise<"exited" | "killed" | "gone"> {
    const instance = this.#fence.fenced(app, options.epoch, () => this.#signal(name));
    if (instance === null) return "gone";
    const stubborn = this.#rng.chance(0.1);
    await this.#clock.pass(stubborn ? options.graceMs : this.#rng.between(0, 200));
    if (!stubborn) instance.alive = false;
    return this.#fence.fenced(app, options.epoch, () => {
      instance.alive = false;
      return stubborn ? "killed" : "exited";
    });
  }

  #signal(name: string): SimInstance | null {
    const instance = this.instances.get(name);
    if (instance?.alive !== true) return null;
    this.onSignal(instance);
    instance.signalled = true;
    return instance;
  }

  adopt(): Promise<readonly string[]> {
    return Promise.resolve([...this.instances.values()].filter((instance) => instance.alive).map((instance) => instance.name));
  }

  onExit(listener: (exit: Exit) => void): void {
    this.#listeners.push(listener);
  }

  logTail(): Promise<readonly string[]> {
    return Promise.resolve(["the last line"]);
  }

  /** True for a release whose instances never last. */
  endsByItself(release: string): boolean {
    const behaviour = this.#behaviours.get(release);
    return behaviour === "crashes" || behaviour === "dies-later";
  }

  /** Instances that run and were not told to stop. */
  livingOf(release: string): readonly string[] {
    const living = [...this.instances.values()].filter((one) => one.release === release && one.alive && !one.signalled);
    return living.map(({ name }) => name);
  }

  /** What a health check would see now. */
  answers(port: number): boolean {
    const instance = this.#byPort.get(port);
    if (instance?.alive !== true || instance.behaviour === "never-ready" || this.#clock.monotonic() < instance.readyAt)
      return false;
    if (instance.behaviour === "flaps") return this.#rng.chance(0.5);
    return true;
  }

  markReady(port: number): void {
    const instance = this.#byPort.get(port);
    if (instance !== undefined) instance.ready = true;
  }

  /** Something outside ends the instance. */
  kill(app: string, name: string): void {
    const instance = this.instances.get(name);
    if (instance?.alive !== true) return;
    instance.alive = false;
    instance.crashed = true;
    this.#report(app, instance);
  }

  async #crashLater(app: string, instance: SimInstance, ms: number): Promise<void> {
    await this.#clock.pass(ms);
    if (!instance.signalled) this.kill(app, instance.name);
  }

  #report(app: string, instance: SimInstance): void {
    for (const listener of this.#listeners) listener({ app, instance: instance.name, how: "exited with code 1" });
  }
}

function startedOf({ port }: SimInstance): Started {
  return { pid: port, host: "127.0.0.1", port };
}
