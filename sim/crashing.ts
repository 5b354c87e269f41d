/** One life of the engine: from its start to its crash. */
export interface Life {
  readonly number: number;
  alive: boolean;
  /** While it is stalled: resolves when it goes on. It notices nothing of it but that time has passed. */
  stalled: Promise<void> | null;
}

/** `before` it has any effect, `after` it, when its reply is lost; or the engine stalls there, as by SIGSTOP, and goes on when another has taken over. */
export type CrashKind = "before" | "after" | "stall";

export interface CrashPoint {
  /** The port call, counted over all lives; 0 for none. */
  readonly at: number;
  readonly when: CrashKind;
}

export interface CrashEffects {
  crash(life: Life): void;
  stall(life: Life): void;
  /** A life has done something although a later one is the writer. */
  overstep(what: string): void;
}

/**
 * What only the one writer may do from the moment its epoch is open. The proxy learns of an epoch with the first table or removal under it; that
 * it takes nothing older after that is the checker's to see.
 */
const WRITES = ["append", "openEpoch", "takeLease", "renewLease", "start", "stop"];

/** Stops the engine's life at a chosen port call, or holds it up there. */
export class CrashPlan {
  /** Port calls so far, of all lives together. */
  calls = 0;
  readonly #point: CrashPoint;
  readonly #effects: CrashEffects;
  /** The number of the last life that has opened an epoch. */
  #writer = 0;

  constructor(point: CrashPoint, effects: CrashEffects) {
    this.#point = point;
    this.#effects = effects;
  }

  /** Wraps a port for one life of the engine. A dead engine's calls have no effect and never return. */
  wrap<T extends object>(port: T, life: Life, exempt: readonly string[] = []): T {
    return new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        const method = value.bind(target) as (...parameters: unknown[]) => unknown;
        if (exempt.includes(String(name))) return method;
        return (...parameters: unknown[]) => this.#call({ name: String(name), run: () => method(...parameters) }, life);
      },
    });
  }

  #call(call: Call, life: Life): unknown {
    if (!life.alive) return NEVER;
    this.calls += 1;
    const hit = this.calls === this.#point.at;
    if (hit && this.#point.when === "stall") this.#effects.stall(life);
    if (life.stalled !== null) return life.stalled.then(() => this.#run(call, life));
    if (hit && this.#point.when === "before") {
      this.#effects.crash(life);
      return NEVER;
    }
    const result = this.#run(call, life);
    if (!hit) return result;
    // Nobody is left to hear how it ended.
    Promise.resolve(result).catch(() => undefined);
    this.#effects.crash(life);
    return NEVER;
  }

  #run({ name, run }: Call, life: Life): unknown {
    if (!life.alive) return NEVER;
    const overtaken = this.#writer > life.number;
    return Promise.resolve(run()).then((value) => {
      if (overtaken && WRITES.includes(name)) this.#effects.overstep(`life ${String(life.number)} could still ${name}`);
      if (name === "openEpoch") this.#writer = Math.max(this.#writer, life.number);
      if (!life.alive) return NEVER;
      return life.stalled === null ? value : life.stalled.then(() => value);
    });
  }
}

interface Call {
  readonly name: string;
  readonly run: () => unknown;
}

const NEVER = new Promise(() => undefined);
