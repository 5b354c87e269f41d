/** Stops the engine's life at a chosen port call: before it has any effect, or after it, when its reply is lost. */
export class CrashPlan {
  /** Port calls so far, of all lives together. */
  calls = 0;
  readonly #at: number;
  readonly #when: "before" | "after";
  readonly #crash: () => void;

  constructor(at: number, when: "before" | "after", crash: () => void) {
    this.#at = at;
    this.#when = when;
    this.#crash = crash;
  }

  /** Wraps a port for one life of the engine. A dead engine's calls have no effect and never return. */
  wrap<T extends object>(port: T, isAlive: () => boolean, exempt: readonly string[] = []): T {
    return new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        const method = value.bind(target) as (...parameters: unknown[]) => unknown;
        if (exempt.includes(String(name))) return method;
        return (...parameters: unknown[]) => this.#call(() => method(...parameters), isAlive);
      },
    });
  }

  #call(method: () => unknown, isAlive: () => boolean): unknown {
    if (!isAlive()) return new Promise(() => undefined);
    this.calls += 1;
    const hit = this.calls === this.#at;
    if (hit && this.#when === "before") {
      this.#crash();
      return new Promise(() => undefined);
    }
    const result = method();
    if (hit) {
      // Nobody is left to hear how it ended.
      Promise.resolve(result).catch(() => undefined);
      this.#crash();
      return new Promise(() => undefined);
    }
    return Promise.resolve(result).then((value) => (isAlive() ? value : new Promise(() => undefined)));
  }
}
