import { HitlessError, type Failure } from "../base/error.ts";
import type { AppSpec } from "../core/app-spec.ts";
import { aspNetProblem } from "../core/asp-net-listeners.ts";
import { claimProblem } from "../core/claims.ts";
import type { AppState, Deployment } from "../core/state.ts";
import type { ReleaseRequest } from "../ports/releases.ts";
import type { Note, Store } from "../ports/store.ts";
import { AppEngine } from "./app-engine.ts";
import type { DeployOutcome, EngineControl, OperatorEvent } from "./control.ts";
import type { EnginePorts } from "./executor.ts";
import type { HealthEvent } from "./health-watch.ts";
import type { LeaseKeeper } from "./lease.ts";

/** All apps of one daemon. */
export class Engine implements EngineControl {
  readonly #store: Store;
  readonly #ports: EnginePorts;
  readonly #lease: LeaseKeeper;
  readonly #apps = new Map<string, AppEngine>();
  readonly #opening = new Map<string, Promise<AppEngine>>();

  constructor(store: Store, ports: EnginePorts, lease: LeaseKeeper) {
    this.#store = store;
    this.#ports = ports;
    this.#lease = lease;
    void lease.lost.then((error) => {
      for (const engine of this.#apps.values()) engine.giveUp(error);
    });
    ports.fleet.onExit((exit) => {
      void this.#apps.get(exit.app)?.whenExited(exit);
    });
  }

  /** Takes up every app the journal knows; the lease has been taken. One that cannot be taken up keeps its fault; the others go on. */
  async start(): Promise<void> {
    for (const app of await this.#store.apps()) await this.#open(app).catch(() => undefined);
  }

  async close(): Promise<void> {
    for (const engine of this.#apps.values()) await engine.close();
  }

  apps(): readonly string[] {
    return [...this.#apps.keys()].sort();
  }

  state(app: string): AppState | null {
    return this.#apps.get(app)?.state ?? null;
  }

  fault(app: string): Failure | null {
    return this.#apps.get(app)?.fault ?? null;
  }

  async deploy(event: Parameters<EngineControl["deploy"]>[0], request: ReleaseRequest): Promise<DeployOutcome> {
    const others = this.#routedSpecs();
    const problem = claimProblem(event.spec, others) ?? aspNetProblem(event.spec, others);
    if (problem !== null) throw new HitlessError(problem);
    const engine = await this.#open(event.spec.app);
    return engine.deploy(event, request);
  }

  /** What the apps have in the proxy at the moment. */
  #routedSpecs(): readonly AppSpec[] {
    return [...this.#apps.values()].flatMap(({ state: { routes, releases } }) => {
      const record = routes.installed && routes.specRelease !== null ? releases[routes.specRelease] : undefined;
      return record === undefined ? [] : [record.spec];
    });
  }

  async request(app: string, event: OperatorEvent): Promise<string> {
    const state = await this.#known(app).submit(event);
    return state.deployment?.name ?? "";
  }

  /** What was seen of an app's instances. */
  async report(app: string, event: HealthEvent): Promise<void> {
    await this.#apps.get(app)?.submit(event);
  }

  async deployments(app: string, limit: number): Promise<readonly Deployment[]> {
    const { deployment } = this.#known(app).state;
    const kept = await this.#store.deployments(app, limit);
    if (deployment === null) return kept;
    return [deployment, ...kept.filter((other) => other.name !== deployment.name)].slice(0, limit);
  }

  async notes(
    app: string,
    deployment: string,
    after: number,
    waitMs: number,
  ): Promise<readonly (Note & { readonly seq: number })[]> {
    const engine = this.#known(app);
    const until = this.#ports.clock.now() + waitMs;
    for (;;) {
      const news = engine.news.wait();
      const found = await this.#store.notes(app, deployment, after);
      const ended = engine.state.deployment?.name !== deployment || engine.state.deployment.outcome !== null;
      if (found.length > 0 || ended || engine.fault !== null || this.#ports.clock.now() >= until) return found;
      await this.#either(news, until);
    }
  }

  async #either(news: Promise<undefined>, until: number): Promise<void> {
    const enough = new AbortController();
    const timer = this.#ports.clock.sleepUntil(until, enough.signal).catch(() => undefined);
    await Promise.race([news, timer]);
    enough.abort();
  }

  #known(app: string): AppEngine {
    const engine = this.#apps.get(app);
    if (engine !== undefined) return engine;
    const known = this.apps();
    throw new HitlessError({
      code: "ERR_APP_UNKNOWN",
      what: `The daemon knows no app ${app}.`,
      why: known.length === 0 ? "It knows none yet." : `It knows ${known.join(", ")}.`,
      next: "Deploy it with `hitless deploy`.",
    });
  }

  /** Two requests for a new app at once must find the same engine. */
  async #open(app: string): Promise<AppEngine> {
    const opening = this.#opening.get(app) ?? this.#recover(app);
    this.#opening.set(app, opening);
    opening.catch(() => this.#opening.delete(app));
    return opening;
  }

  async #recover(app: string): Promise<AppEngine> {
    const engine = new AppEngine(app, this.#store, this.#ports, this.#lease);
    this.#apps.set(app, engine);
    try {
      await engine.recover();
    } catch (error) {
      engine.giveUp(error);
      throw engine.fault === null ? error : new HitlessError(engine.fault, { cause: error });
    }
    return engine;
  }
}
