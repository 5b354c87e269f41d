import type { Failure } from "../src/base/error.ts";
import { silentLogger } from "../src/base/log.ts";
import type { Rng } from "../src/base/rng.ts";
import type { BusyPolicy } from "../src/core/app-spec.ts";
import { countOf } from "../src/core/plan-batches.ts";
import { all } from "../src/core/instances.ts";
import type { AppState } from "../src/core/state.ts";
import { Engine } from "../src/engine/engine.ts";
import type { OperatorEvent } from "../src/engine/control.ts";
import type { HealthEvent } from "../src/engine/health-watch.ts";
import type { ContractKeeper } from "../src/engine/database/contract-keeper.ts";
import { LeaseKeeper } from "../src/engine/lease.ts";
import { Checker } from "./checker.ts";
import { SimClock } from "./clock.ts";
import { CrashPlan, type CrashPoint, type Life } from "./crashing.ts";
import { SimDatabase } from "./database.ts";
import { databaseLife } from "./database-life.ts";
import type { SimJournal } from "./journal.ts";
import { codeOf, FreezeWatch, SIM_FREEZE, type Answer } from "./freezing.ts";
import { SimFleet, type Behaviour } from "./fleet.ts";
import { simHttp } from "./http.ts";
import { SimJobs } from "./jobs.ts";
import { SimReleases } from "./releases.ts";
import { withReplyFaults, type ReplyFaults } from "./replies.ts";
import { SIM_DATABASE, simSpec, type Size } from "./spec.ts";
import { SimTraffic } from "./traffic.ts";

/** More than anybody scales to. */
const INSTANCES_MAX = 6;

export interface WorldOptions {
  readonly rng: Rng;
  readonly store: SimJournal;
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  /** Where the engine dies or stalls. */
  readonly crash: CrashPoint;
  readonly proxyAwayShare: number;
  readonly buildFailShare: number;
  /** How often a hook, a check or a gate does not pass. */
  readonly taskFailShare: number;
  readonly replies: ReplyFaults;
  /** How often a call of the database goes wrong; null: there is no database. */
  readonly databaseFaultShare?: number | null;
  /** How often, of the world's wake-ups, something happens from outside: an operator types, the clock is set, an instance is killed. */
  readonly meddleShare: number;
  /** Deployments are frozen now and then. Absent: never. */
  readonly freezes?: boolean;
  /** How long the first drains take, whoever gives them up. Absent: by chance. */
  readonly drainsMs?: readonly number[] | undefined;
  /** No check or gate can tell the first time. Absent: they can. */
  readonly isUndecided?: boolean;
}

/** What else is said with a deployment. */
interface DeployWish {
  readonly whenBusy?: BusyPolicy;
  readonly override?: string;
}

const LEASE_MS = 15_000;
const RESTART_MS = 1_000;
/** How long a stalled engine still sleeps when another has taken over. */
const STALL_MAX_MS = 5_000;

interface LivingEngine {
  readonly life: Life;
  readonly engine: Engine;
  readonly keeper: ContractKeeper | null;
}

/** One machine with a journal, a fleet and a proxy, and the engine that lives and dies on it. */
export class World {
  readonly app = "shop";
  readonly clock = new SimClock();
  readonly fleet: SimFleet;
  readonly checker: Checker;
  readonly releases: SimReleases;
  readonly jobs: SimJobs;
  readonly database: SimDatabase | null;
  readonly crash: CrashPlan;
  readonly #store: SimJournal;
  readonly #traffic: SimTraffic;
  #engine: Engine | null = null;
  #lives = 0;
  #restartDue = false;
  readonly #living = new Map<number, LivingEngine>();
  readonly #rng: Rng;
  readonly #replies: ReplyFaults;
  readonly #meddleShare: number;
  /** Null: nothing is ever frozen. */
  readonly #freezes: FreezeWatch | null;
  /** What meddles, with the world as it is; set by the run. */
  meddle: () => Promise<void> = () => Promise.resolve();
  /** What happens between two lives of the engine; set by the run. */
  whenAway: () => void = () => undefined;

  constructor(options: WorldOptions) {
    const { rng, store } = options;
    this.#store = store;
    this.#rng = rng;
    this.#replies = options.replies;
    this.#meddleShare = options.meddleShare;
    store.useClock(() => this.clock.monotonic());
    this.#freezes = options.freezes === true ? this.#watchFreezes(store) : null;
    this.fleet = new SimFleet({ clock: this.clock, rng, behaviours: options.behaviours, fence: store });
    this.checker = new Checker(this.fleet.instances);
    this.fleet.onSignal = (instance) => {
      this.checker.whenSignalled(instance);
    };
    this.releases = new SimReleases(this.clock, rng, options.buildFailShare);
    this.releases.onRemove = (release) => {
      for (const name of this.fleet.livingOf(release)) this.checker.violations.push(`${release} was removed while ${name} runs`);
    };
    this.jobs = new SimJobs(this.clock, rng, { failShare: options.taskFailShare, isUndecided: options.isUndecided ?? false });
    this.jobs.onStart = (request) => {
      this.checker.whenJobStarted(request);
    };
    this.#traffic = new SimTraffic({
      clock: this.clock,
      rng,
      fleet: this.fleet,
      checker: this.checker,
      awayShare: options.proxyAwayShare,
      drainsMs: options.drainsMs,
    });
    this.database = this.#databaseOf(options);
    this.crash = new CrashPlan(options.crash, {
      crash: (life) => {
        life.alive = false;
        this.#living.get(life.number)?.keeper?.stop();
        this.#engine = null;
        this.#restartDue = true;
      },
      stall: (life) => {
        void this.#stall(life);
      },
      overstep: (what) => {
        this.checker.violations.push(`two writers: ${what}`);
      },
    });
  }

  get state(): AppState | null {
    return this.#engine?.state(this.app) ?? null;
  }

  /** Why the engine acts no more, or null. */
  get fault(): Failure | null {
    return this.#engine?.fault(this.app) ?? null;
  }

  /** What keeps the database from being contracted, as people are told it. */
  get contractProblems(): readonly string[] {
    return this.#living.get(this.#lives)?.keeper?.problems(this.app) ?? [];
  }

  /** Starts a new life of the engine on what the last one left behind. */
  async boot(): Promise<void> {
    const life: Life = { number: (this.#lives += 1), alive: true, stalled: null };
    this.#restartDue = false;
    const parts = { clock: this.clock, rng: this.#rng };
    const late = { lateShare: this.#replies.lateShare, lostShare: 0 };
    const fleet = withReplyFaults(this.fleet, late, { ...parts, exempt: ["onExit", "adopt", "logTail"] });
    // Checks that a dead engine has begun would muddle what the living one has seen.
    const traffic = withReplyFaults(this.#traffic, this.#replies, { ...parts, exempt: ["probe"] });
    const releases = withReplyFaults(this.releases, late, { ...parts, exempt: ["stage"] });
    const store = this.crash.wrap(this.#store, life, ["fenced"]);
    const lease = new LeaseKeeper(
      store,
      { clock: this.clock, log: silentLogger },
      {
        holder: String(life.number),
        ttlMs: LEASE_MS,
        isGone: ({ holder }) => this.#lifeIsOver(Number(holder)),
      },
    );
    const database =
      this.database === null
        ? null
        : databaseLife(this.database, life, {
            crash: this.crash,
            clock: this.clock,
            releases: this.crash.wrap(releases, life),
            traffic: this.crash.wrap(traffic, life),
            apps: () => (lease.isHeld() ? engine.apps() : []),
            state: (app) => engine.state(app),
          });
    const engine: Engine = new Engine(
      store,
      {
        clock: this.clock,
        fleet: this.crash.wrap(fleet, life, ["onExit", "adopt", "logTail"]),
        traffic: this.crash.wrap(traffic, life),
        releases: database?.releases ?? this.crash.wrap(releases, life),
        http: simHttp,
        jobs: this.crash.wrap(withReplyFaults(this.jobs, late, { ...parts, exempt: [] }), life),
        log: silentLogger,
      },
      lease,
    );
    this.#engine = engine;
    this.#living.set(life.number, { life, engine, keeper: database?.keeper ?? null });
    const attempt = { refused: false };
    const taken = lease.take().catch((error: unknown) => {
      attempt.refused = true;
      throw error;
    });
    const started = taken.then(() => {
      this.#traffic.whenBooted();
      return engine.start();
    });
    await this.settle(started);
    if (attempt.refused) await this.#giveWay(life);
    else if (life.alive) database?.keeper.start();
  }

  /** The clock was set, and the lease of a stalled life has not run out yet. A supervisor tries again; unless that life has gone on. */
  async #giveWay(life: Life): Promise<void> {
    life.alive = false;
    this.#engine = null;
    await this.settle(this.clock.pass(RESTART_MS));
    const other = [...this.#living.values()].find((one) => one.life.alive && one.life.stalled === null);
    if (other === undefined) this.#restartDue = true;
    else this.#engine = other.engine;
  }

  #databaseOf({ rng, databaseFaultShare = null }: WorldOptions): SimDatabase | null {
    if (databaseFaultShare === null) return null;
    const alive = (): readonly string[] => [...this.fleet.instances.values()].flatMap((one) => (one.alive ? [one.release] : []));
    const database = new SimDatabase({
      clock: this.clock,
      rng,
      faultShare: databaseFaultShare,
      running: alive,
      onViolation: (rule) => {
        this.checker.violations.push(rule);
      },
    });
    this.fleet.onStart = (release) => {
      database.whenStarted(release);
    };
    return database;
  }

  /** The engine stands still until its lease has run out and another has taken over, and for a while after that. */
  async #stall(life: Life): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    life.stalled = promise.then(() => {
      life.stalled = null;
    });
    this.#engine = null;
    await this.clock.pass(LEASE_MS + 1);
    this.#restartDue = true;
    await this.clock.pass(this.#rng.between(0, STALL_MAX_MS));
    resolve(undefined);
  }

  #lifeIsOver(number: number): boolean {
    return this.#living.get(number)?.life.alive !== true;
  }

  async deploy({ instances, batch, rollout, softContractMs, ...more }: Size, asked: DeployWish = {}): Promise<void> {
    const database = this.database === null ? {} : { database: { ...SIM_DATABASE, softContractMs } };
    const freeze = this.#freezes === null ? {} : { freeze: SIM_FREEZE };
    const spec = { ...simSpec(this.app, instances, batch, rollout), ...database, ...freeze, ...more };
    const { maxUnavailable } = rollout;
    // From now on an operation may go to this release, in its own way.
    if (maxUnavailable !== undefined) this.checker.slack = Math.max(this.checker.slack, countOf(maxUnavailable, INSTANCES_MAX));
    this.#foresee(false);
    const event = { kind: "deploy.requested", by: "sim", spec, strategy: null, batch: null, force: false, ...asked } as const;
    await this.#ask((engine) => engine.deploy(event, { spec, source: "/sim", ignore: [], build: null, env: {} }), event);
  }

  /** What the health checks of an instance are said to have seen. */
  async report(event: HealthEvent): Promise<void> {
    await this.#ask((engine) => engine.report(this.app, event));
  }

  async request(event: OperatorEvent): Promise<void> {
    const { standby } = this.state ?? {};
    const isReturn = event.kind === "rollback.requested" && standby !== undefined;
    this.#foresee(isReturn && (event.release ?? standby.release) === standby.release);
    await this.#ask((engine) => engine.request(this.app, event), event);
  }

  /** Lets the world run until nothing is under way or `steps` wake-ups have passed. A window for going back is something that is under way. */
  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      await microtasks();
      if (this.#restartDue) {
        this.whenAway();
        await this.boot();
      }
      if (this.#meddleShare > 0 && this.#rng.chance(this.#meddleShare)) {
        await this.meddle();
        continue;
      }
      if (this.#idle() || !this.clock.step()) break;
    }
    await microtasks();
  }

  /** Runs the world until the promise is settled or the engine has died. Errors are the caller's business: refusals are expected. */
  async settle(promise: Promise<unknown>): Promise<void> {
    let done = false;
    const isDone = (): boolean => done;
    promise.then(
      () => (done = true),
      () => (done = true),
    );
    for (let step = 0; step < 10_000 && !isDone() && !this.#restartDue; step += 1) {
      await microtasks();
      if (!isDone()) this.clock.step();
    }
  }

  /** What the next deployment may do, unless one runs. */
  #foresee(isReturn: boolean): void {
    if (this.state?.deployment?.outcome !== null) this.checker.isReturning = isReturn;
  }

  async #ask(call: (engine: Engine) => Promise<unknown>, event?: Answer["event"]): Promise<void> {
    if (this.#engine === null) return;
    const asked = call(this.#engine);
    if (event !== undefined) void codeOf(asked).then((code) => this.#freezes?.whenAnswered({ event, code }));
    await this.settle(asked);
  }

  #watchFreezes(store: SimJournal): FreezeWatch {
    const watch = new FreezeWatch(this.clock, (rule) => {
      this.checker.violations.push(rule);
    });
    store.onEntry = (entry) => {
      watch.whenEntry(entry);
    };
    store.onDeployment = (deployment) => {
      watch.whenEnded(deployment);
    };
    return watch;
  }

  #isStalled(): boolean {
    return [...this.#living.values()].some(({ life }) => life.stalled !== null);
  }

  /** Releases that are kept and of no use. What an engine that ended had begun to make may come after that; the next pruning removes it. */
  leftovers(state: AppState): readonly string[] {
    return this.#lives > 1 ? [] : this.releases.unknownTo(state);
  }

  /** Something is still to come by itself. */
  #isExpecting(state: AppState): boolean {
    const isRestarting = Object.values(state.crashes).some((crash) => crash.restartAt !== null);
    const isContracting = state.active !== null && this.database?.waits(state.active) === true;
    const isDeparting = (state.departures ?? []).length > 0;
    const isDiscarding = this.leftovers(state).length > 0;
    const isWaiting = state.queued !== undefined || state.standby !== undefined;
    return isRestarting || isContracting || isDeparting || isDiscarding || isWaiting;
  }

  #idle(): boolean {
    const state = this.state;
    if (state === null || this.#restartDue || this.#isStalled()) return false;
    // What is cheap to see first: this is asked at every step, and there may be ten thousand instances.
    if (state.deployment?.outcome === null || state.routes.appliedRevision < state.routes.revision) return false;
    // Who is gone is news that the engine has not written down yet.
    const busy = all(state).some(({ name, status }) => status !== "serving" || this.fleet.instances.get(name)?.alive !== true);
    return !busy && !this.#isExpecting(state);
  }
}

/** Everything that can run without time passing has run. */
function microtasks(): Promise<void> {
  // Not a timer of the simulated world: it only lets the real one finish its promises.
  // eslint-disable-next-line no-restricted-globals
  return new Promise((resolve) => setImmediate(resolve));
}
