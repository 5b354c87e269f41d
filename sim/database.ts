import { HitlessError } from "../src/base/error.ts";
import { nameNumber } from "../src/base/names.ts";
import type { Rng } from "../src/base/rng.ts";
import { awaitsContract, type ChangeSet } from "../src/database/change-set.ts";
import type {
  Database,
  DatabaseLease,
  JournalRow,
  ReleaseConnections,
  SessionSight,
  StepOutcome,
  StepRequest,
} from "../src/ports/database.ts";
import type { SimClock } from "./clock.ts";
import type { Life } from "./crashing.ts";
import { SIM_CATALOG } from "./sources.ts";

export interface DatabaseWorld {
  readonly clock: SimClock;
  readonly rng: Rng;
  /** How often a call finds it away, a lock taken, or the connection lost before or after it was done. */
  readonly faultShare: number;
  /** Releases of the instances that run. */
  readonly running: () => readonly string[];
  readonly onViolation: (rule: string) => void;
}

/** No release of the simulated world brings one. */
const noBackfill = (): Promise<never> => Promise.reject(new Error("no backfill is simulated"));
const NO_BACKFILLS = {
  survey: noBackfill,
  stretches: noBackfill,
  begin: noBackfill,
  keep: noBackfill,
  load: noBackfill,
  number: noBackfill,
  worker: noBackfill,
  batch: noBackfill,
  sift: noBackfill,
  retry: noBackfill,
  compare: noBackfill,
};

interface Holder {
  readonly life: Life;
  readonly token: number;
}

/** A database that keeps what it was told, and watches that nothing is taken from a release that still runs. */
export class SimDatabase {
  /** Nobody can reach it. */
  isAway = false;
  readonly #world: DatabaseWorld;
  readonly #sets = new Map<number, ChangeSet>();
  readonly #rows = new Map<string, JournalRow>();
  #holder: Holder | null = null;
  #tokens = 0;

  constructor(world: DatabaseWorld) {
    this.#world = world;
  }

  /** As one life of the engine reaches it. */
  of(life: Life): Database {
    return {
      catalog: () => this.#asked(() => SIM_CATALOG),
      whereabouts: () => this.#asked(() => ({ path: ["public"] })),
      missing: () => this.#asked(() => []),
      seen: () => this.#asked(() => ({ relations: [], routines: [] })),
      changeSets: () => this.#asked(() => this.#all()),
      applied: () => this.#asked(() => []),
      ask: () => this.#asked(() => this.#world.rng.chance(0.3)),
      toolRows: () => this.#asked(() => null),
      statements: () => this.#asked(() => []),
      backfills: () => this.#asked(() => []),
      journal: (_url, _app, release) => this.#asked(() => this.#journal(release)),
      connections: () => this.#asked(() => this.#connections()),
      unnamed: () => this.#asked(() => []),
      calls: () => this.#asked(() => 0),
      sight: (url) => this.#asked(() => sightOf(url)),
      role: () => Promise.reject(new Error("no roles are simulated")),
      dropRoles: () => Promise.reject(new Error("no roles are simulated")),
      lease: () => this.#asked(() => this.#lease(life)),
    };
  }

  /** True while something of a release up to this one waits to be contracted. */
  waits(release: string): boolean {
    const number = nameNumber(release) ?? 0;
    return this.#all().some((set) => set.release <= number && awaitsContract(set));
  }

  /** Before when the contract of a release removes nothing; null: nothing is kept. */
  keptUntil(release: string): number | null {
    return this.#sets.get(nameNumber(release) ?? 0)?.keptUntilMs ?? null;
  }

  /** An instance begins: the database must have what its release needs, and must not have lost it. */
  whenStarted(release: string): void {
    const number = nameNumber(release) ?? 0;
    const own = this.#sets.get(number)?.state;
    if (own === undefined || own === "expanding" || own === "reverting" || own === "reverted")
      this.#world.onViolation(`${release} was started on a database that is ${own ?? "without its changes"}`);
    const gone = this.#all().find((set) => set.release > number && set.state === "contracted");
    const hidden = this.#all().find((set) => set.release > number && this.#isSwapped(set));
    if (hidden !== undefined)
      this.#world.onViolation(`${release} was started while the base has the names of r${String(hidden.release)}`);
    if (gone !== undefined) this.#world.onViolation(`${release} was started after the contract of r${String(gone.release)}`);
  }

  /** Whether the base has the release's names, softly. */
  isSwapped(release: string): boolean {
    const set = this.#sets.get(nameNumber(release) ?? 0);
    return set !== undefined && this.#isSwapped(set);
  }

  #isSwapped({ release, state, plan }: ChangeSet): boolean {
    const isOpen = state === "expanded" || state === "reverting";
    return isOpen && (plan.swaps ?? []).some(({ id }) => this.#rows.get(`${String(release)}/${id}`)?.state === "done");
  }

  #all(): readonly ChangeSet[] {
    return [...this.#sets.values()].toSorted((a, b) => a.release - b.release);
  }

  #lease(life: Life): DatabaseLease {
    // A connection ends with its process, and not while that only stands still.
    if (this.#holder?.life.alive === true)
      throw new HitlessError({ code: "ERR_DATABASE_BUSY", what: "Another runner is at work in the database." });
    const holder = { life, token: (this.#tokens += 1) };
    this.#holder = holder;
    return this.#leaseOf(holder);
  }

  #leaseOf(holder: Holder): DatabaseLease {
    const asked = <T>(answer: () => T): Promise<T> =>
      this.#asked(() => {
        this.#throwIfReplaced(holder);
        return answer();
      });
    const step = (request: StepRequest): Promise<StepOutcome> =>
      asked(() =>
        this.#tried(() => {
          this.#step(request);
        }),
      );
    return {
      catalog: () => asked(() => SIM_CATALOG),
      changeSets: () => asked(() => this.#all()),
      save: (set) =>
        asked(() => {
          this.#sets.set(set.release, set);
        }),
      journal: (release) => asked(() => this.#journal(release)),
      applied: () => asked(() => []),
      toolRows: () => asked(() => null),
      step,
      alone: step,
      // Of what is to be taken back some holds data.
      ask: () => asked(() => this.#world.rng.chance(0.3)),
      texts: () => asked(() => []),
      holders: () => asked(() => []),
      ...NO_BACKFILLS,
      close: () => {
        if (this.#holder?.token === holder.token) this.#holder = null;
        return Promise.resolve();
      },
    };
  }

  #throwIfReplaced({ token }: Holder): void {
    if (this.#holder?.token !== token)
      throw new HitlessError({ code: "ERR_STALE_EPOCH", what: "Another runner has taken over." });
  }

  #step({ release, action, mark }: StepRequest): void {
    const key = `${String(release)}/${action}`;
    if (mark === "done" && this.#rows.get(key)?.state === "done")
      this.#world.onViolation(`step ${action} of r${String(release)} was done twice`);
    const plan = this.#sets.get(release)?.plan;
    const phase = [...(plan?.actions ?? []), ...(plan?.swaps ?? [])].find(({ id }) => id === action)?.phase;
    const old = this.#world.running().find((name) => (nameNumber(name) ?? 0) < release);
    if (phase === "contract" && mark === "done" && old !== undefined)
      this.#world.onViolation(`step ${action} of r${String(release)} took something away while ${old} runs`);
    this.#rows.set(key, { action, state: mark, cursor: null });
  }

  #journal(release: number): readonly JournalRow[] {
    return [...this.#rows].flatMap(([key, row]) => (key.startsWith(`${String(release)}/`) ? [row] : []));
  }

  #connections(): readonly ReleaseConnections[] {
    const byRelease = Map.groupBy(this.#world.running(), (release) => nameNumber(release) ?? 0);
    return [...byRelease].map(([release, all]) => ({ release, connections: all.length }));
  }

  /** Now and then a lock is not to be had, or the line breaks before or after the work. */
  #tried(work: () => void): StepOutcome {
    const { rng, faultShare } = this.#world;
    if (rng.chance(faultShare)) return { kind: "locked", blockers: [] };
    const lost = rng.chance(faultShare);
    if (lost && rng.chance(0.5)) return { kind: "lost", message: "the line broke" };
    work();
    return lost ? { kind: "lost", message: "the line broke" } : { kind: "done" };
  }

  async #asked<T>(answer: () => T): Promise<T> {
    const { clock, rng, faultShare } = this.#world;
    await clock.pass(rng.between(0, 5));
    if (this.isAway || rng.chance(faultShare / 4))
      throw new HitlessError({ code: "ERR_DATABASE_UNREACHABLE", what: "The database is away." });
    return answer();
  }
}

/** As PostgreSQL takes the options of a connection. */
function sightOf(url: string): SessionSight {
  const options = new URL(url).searchParams.get("options") ?? "";
  const setting = (name: string): string => new RegExp(`-c ${name}=(\\S*)`).exec(options)?.[1] ?? "";
  return { schemas: setting("search_path").split(","), release: nameNumber(setting("hitless.release")) };
}
