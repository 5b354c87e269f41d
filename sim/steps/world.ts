import { HitlessError } from "../../src/base/error.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { Rng } from "../../src/base/rng.ts";
import type { AppSpec } from "../../src/core/app-spec.ts";
import { isRepeatable, type StepDefinition } from "../../src/core/preparation/step-definition.ts";
import type { StepRecord } from "../../src/core/preparation/step-record.ts";
import { StepBook } from "../../src/engine/preparation/step-book.ts";
import { StepDesk } from "../../src/engine/preparation/step-desk.ts";
import { StepKeeper } from "../../src/engine/preparation/step-keeper.ts";
import type { Database } from "../../src/ports/database.ts";
import type { Http } from "../../src/ports/http.ts";
import type { Releases } from "../../src/ports/releases.ts";
import type { StepStore } from "../../src/ports/steps.ts";
import { SimClock } from "../clock.ts";
import { CrashPlan, type CrashPoint, type Life } from "../crashing.ts";
import { SIM_DATABASE, simSpec } from "../spec.ts";
import { StepDatabase } from "./database.ts";
import { StepPrograms } from "./programs.ts";
import { StepWatch } from "./watch.ts";

export const APP = "shop";
const SPEC: AppSpec = { ...simSpec(APP, 1, 1), database: SIM_DATABASE };
/** How long nobody is there after a crash, and how long a stall lasts, at most. */
const AWAY_MAX_MS = 20_000;
const STALL_MAX_MS = 60_000;

export interface StepWorldOptions {
  readonly rng: Rng;
  readonly steps: readonly StepDefinition[];
  readonly crash: CrashPoint;
  readonly faultShare: number;
}

/** One machine with a release that has steps, and the keeper of steps in one life after another. */
export class StepWorld {
  readonly clock = new SimClock();
  readonly watch = new StepWatch(() => this.clock.now());
  readonly crash: CrashPlan;
  readonly programs: StepPrograms;
  desk: StepDesk | null = null;
  load = 0;
  /** Requests that came to the other side. */
  requests = 0;
  /** What was written down of each step, in its order. */
  readonly journal: string[] = [];
  /** How often people have told each step something. */
  readonly orders = new Map<string, number>();
  readonly #options: StepWorldOptions;
  readonly #database: StepDatabase;
  readonly #records = new Map<string, StepRecord>();
  #epoch = 0;
  #life: Life | null = null;

  constructor(options: StepWorldOptions) {
    this.#options = options;
    const { rng, steps, faultShare } = options;
    const stepOf = (name: string): StepDefinition => steps.find((step) => step.name === name) ?? missing(name);
    const world = { clock: this.clock, rng, watch: this.watch, stepOf, faultShare };
    this.programs = new StepPrograms(world);
    this.#database = new StepDatabase(world);
    this.crash = new CrashPlan(options.crash, {
      crash: (life) => void this.#crash(life),
      stall: (life) => void this.#stall(life),
      overstep: (what) => {
        this.watch.say(what);
      },
    });
  }

  /** As they are on disk. */
  get records(): readonly StepRecord[] {
    return [...this.#records.values()];
  }

  async boot(): Promise<void> {
    this.#epoch += 1;
    const epoch = this.#epoch;
    const life: Life = { number: epoch, alive: true, stalled: null };
    this.#life = life;
    const { crash, clock, programs } = this;
    const book = new StepBook(crash.wrap(this.#store(), life), () => epoch);
    const snapshots = crash.wrap(SNAPSHOTS, life) as Releases;
    const own = this.#database.of(life);
    const lease: Database["lease"] = async (...asked) => crash.wrap(await own.lease(...asked), life);
    const keeper = new StepKeeper({
      ports: {
        clock: this.#clockOf(life),
        database: crash.wrap({ lease }, life) as Database,
        jobs: crash.wrap(programs, life, ["functionCommand"]),
        http: crash.wrap(this.#http(), life),
        places: crash.wrap(programs, life, ["functionCommand"]),
        language: () => Promise.reject(new Error("none of these steps is outside of a transaction")),
        pacer: () => ({ pace: () => Promise.resolve({ speed: 1, reason: null }) }),
        expand: () => Promise.resolve(),
      },
      book,
      snapshots,
      machine: { load: () => this.load },
      isDeploying: () => false,
      mayAct: () => life.alive && this.#epoch === epoch,
      log: silentLogger,
    });
    // Its first step is SQL: nothing can be said of the others before they run.
    const database = { catalog: () => Promise.reject(new Error("nobody asks for the catalog")) };
    const sources = { read: () => Promise.resolve(this.#options.steps) };
    await book.load();
    keeper.start();
    if (this.#epoch !== epoch) return;
    this.watch.bootedAt = clock.now();
    this.desk = new StepDesk({ book, keeper, snapshots, sources, database, clock: this.#clockOf(life) });
  }

  /** Nobody is there any more, until the next boot. */
  kill(): void {
    if (this.#life !== null) this.#life.alive = false;
    this.desk = null;
  }

  /** Lets time pass to the next thing that happens. */
  async step(): Promise<void> {
    await microtasks();
    this.clock.step();
  }

  prepare(): Promise<unknown> {
    return this.desk?.prepare({ spec: SPEC, source: "/sim", ignore: [], build: null, env: {} }) ?? Promise.resolve();
  }

  /** Whether a deployment may begin. */
  async admits(): Promise<boolean> {
    return (
      this.desk?.admit({ spec: SPEC, source: "/sim", env: {} }).then(
        () => true,
        () => false,
      ) ?? false
    );
  }

  async #crash(life: Life): Promise<void> {
    life.alive = false;
    await this.#replace(this.#options.rng.between(0, AWAY_MAX_MS));
  }

  /** Another takes over while this one stands still; it goes on and knows nothing of it. */
  async #stall(life: Life): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    life.stalled = promise.then(() => {
      life.stalled = null;
      this.watch.wokeAt = this.clock.now();
    });
    const { rng } = this.#options;
    await this.#replace(rng.between(0, AWAY_MAX_MS));
    await this.clock.pass(rng.between(0, STALL_MAX_MS));
    resolve(undefined);
  }

  async #replace(afterMs: number): Promise<void> {
    this.desk = null;
    this.watch.bootedAt = Infinity;
    await this.clock.pass(afterMs);
    if (this.#options.rng.chance(0.2)) this.programs.lose();
    await this.boot();
  }

  /** A life that is over wakes no more; one that is stalled wakes when it goes on. */
  #clockOf(life: Life): Pick<SimClock, "now" | "sleepUntil"> {
    return {
      now: () => this.clock.now(),
      sleepUntil: async (at, signal) => {
        await this.clock.sleepUntil(at, signal);
        if (life.stalled !== null) await life.stalled;
        if (!life.alive) await new Promise(() => undefined);
      },
    };
  }

  #store(): StepStore {
    return {
      steps: async () => this.records,
      saveSteps: async (records, lease) => {
        if (lease !== this.#epoch) throw new HitlessError({ code: "ERR_STALE_EPOCH", what: "Another daemon has taken over." });
        for (const record of records) {
          this.#records.set(record.definition.name, record);
          this.journal.push(
            JSON.stringify({ at: this.clock.now(), epoch: lease, ...record, definition: record.definition.name }),
          );
          this.#judgeAttempts(record);
          this.#judgeNeeds(record);
        }
        const running = this.records.filter(({ state, lane }) => state === "running" && lane !== null);
        if (running.length > 1)
          this.watch.say(`${running.map(({ definition }) => definition.name).join(" and ")} run at the same time`);
      },
    };
  }

  /** What is not idempotent is begun once, and again only when somebody says so. */
  #judgeAttempts({ definition, attempt }: StepRecord): void {
    const allowed = 1 + (this.orders.get(definition.name) ?? 0);
    if (!isRepeatable(definition) && attempt > allowed) this.watch.say(`${definition.name} is begun again by itself`);
  }

  #judgeNeeds({ definition: { name, needs }, state }: StepRecord): void {
    const missing = needs.filter((need) => this.#records.get(need)?.state !== "done");
    if (state === "running" && missing.length > 0) this.watch.say(`${name} runs without ${missing.join(", ")}`);
  }

  #http(): Http {
    return {
      send: async () => {
        this.requests++;
        await this.clock.pass(this.#options.rng.between(1, 500));
        return { status: 200, headers: {}, body: "", ms: 1 };
      },
    };
  }
}

const SNAPSHOTS: Pick<Releases, "stage" | "create" | "discard" | "prune" | "workplace"> = {
  stage: async () => undefined,
  create: async () => ({ kind: "unchanged" }),
  discard: async () => undefined,
  prune: async () => [],
  workplace: async () => ({ directory: "/sim", env: { DATABASE_URL: "postgres://sim/shop" }, spec: SPEC, previewKey: null }),
};

function missing(name: string): never {
  throw new Error(`no step ${name}`);
}

/** Everything that can run without time passing has run. */
function microtasks(): Promise<void> {
  // Not a timer of the simulated world: it only lets the real one finish its promises.
  // eslint-disable-next-line no-restricted-globals
  return new Promise((resolve) => setImmediate(resolve));
}
