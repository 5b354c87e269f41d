import { HitlessError } from "../../src/base/error.ts";
import type { Rng } from "../../src/base/rng.ts";
import type { StepDefinition } from "../../src/core/preparation/step-definition.ts";
import type { Table } from "../../src/database/catalog.ts";
import type {
  BatchOutcome,
  BatchRequest,
  Database,
  DatabaseLease,
  StepOutcome,
  StepRequest,
  Stretch,
} from "../../src/ports/database.ts";
import type { SimClock } from "../clock.ts";
import type { Life } from "../crashing.ts";
import { SIM_CATALOG } from "../sources.ts";
import type { StepWatch } from "./watch.ts";

export const ROWS = 2_500;
const ROW_MS = 2;
const STATEMENT_MS = 15_000;
const CANCEL_MS = 300;

export interface StepDatabaseWorld {
  readonly clock: SimClock;
  readonly rng: Rng;
  readonly watch: StepWatch;
  readonly stepOf: (name: string) => StepDefinition;
  /** How often a lock is not to be had, or the line breaks. */
  readonly faultShare: number;
}

/** Who has the lock of a step, and what its server process still does for it. */
interface Holder {
  readonly life: Life;
  isOpen: boolean;
  busy: number;
}

/** A table of numbered rows, the journal of steps, and server processes that finish what they were told although nobody listens any more. */
export class StepDatabase {
  readonly #world: StepDatabaseWorld;
  readonly #holders = new Map<string, Holder>();
  readonly #done = new Set<string>();
  readonly #stretches = new Map<string, readonly Stretch[]>();

  constructor(world: StepDatabaseWorld) {
    this.#world = world;
  }

  of(life: Life): Pick<Database, "lease"> {
    return { lease: async (_url, owner) => this.#lease(owner.split(" ").at(-1) ?? "", life) };
  }

  async #lease(name: string, life: Life): Promise<DatabaseLease> {
    const { clock, rng, faultShare, stepOf } = this.#world;
    await clock.pass(rng.between(0, 5));
    if (rng.chance(faultShare / 4)) throw new HitlessError({ code: "ERR_DATABASE_UNREACHABLE", what: "The database is away." });
    const before = this.#holders.get(name);
    if (before !== undefined && ((before.isOpen && before.life.alive) || before.busy > 0))
      throw new HitlessError({ code: "ERR_DATABASE_BUSY", what: "Another runner is at work." });
    const holder: Holder = { life, isOpen: true, busy: 0 };
    this.#holders.set(name, holder);
    return this.#leaseOf(stepOf(name), holder);
  }

  #leaseOf(step: StepDefinition, holder: Holder): DatabaseLease {
    const batch = (request: BatchRequest): Promise<BatchOutcome> => this.#served(step, holder, () => this.#batch(step, request));
    const statement = (request: StepRequest): Promise<StepOutcome> =>
      this.#served(step, holder, () => this.#statement(step, request));
    return {
      catalog: async () => ({ ...SIM_CATALOG, tables: [ITEMS] }),
      journal: async () => [...this.#done].map((action) => ({ action, state: "done" as const, cursor: null })),
      step: statement,
      alone: statement,
      ask: async (sql: string) => sql !== "SELECT false",
      holders: async () => [],
      survey: async () => ({ kind: "surveyed", survey: SURVEY }),
      stretches: async (_release: number, action: string) => this.#stretches.get(action) ?? [],
      begin: async (_release: number, action: string, stretches: readonly Stretch[]) => {
        this.#stretches.set(action, stretches);
      },
      keep: async () => undefined,
      batch,
      compare: async () => ({
        kind: "compared",
        after: null,
        comparison: { rows: ROWS, left: this.#left(step.name), different: null },
      }),
      close: async () => {
        holder.isOpen = false;
      },
    } satisfies Partial<DatabaseLease> as unknown as DatabaseLease;
  }

  /** The server process works until the end, whatever becomes of its client. */
  async #served<T>(
    step: StepDefinition,
    holder: Holder,
    work: () => Promise<T>,
  ): Promise<T | Extract<StepOutcome, { kind: "locked" | "lost" }>> {
    const { rng, faultShare, watch } = this.#world;
    if (rng.chance(faultShare)) return { kind: "locked", blockers: [] };
    if (rng.chance(faultShare)) return { kind: "lost", message: "before its commit" };
    watch.piece(step, "server");
    watch.begin(step.name);
    holder.busy++;
    const result = await work();
    holder.busy--;
    watch.end(step.name);
    return rng.chance(faultShare) ? { kind: "lost", message: "after its commit" } : result;
  }

  /** Ended before its end it has done nothing; by its limit also where nobody is there any more. */
  async #statement(step: StepDefinition, { action, cutOff }: StepRequest): Promise<StepOutcome> {
    const { clock, rng, watch } = this.#world;
    const signal = cutOff?.signal ?? new AbortController().signal;
    const [workMs, limitMs] = [rng.between(1, STATEMENT_MS), cutOff?.limitMs ?? Infinity];
    const end = clock.now() + Math.min(workMs, limitMs);
    const isHeard = await clock.sleepUntil(end, signal).then(
      () => false,
      () => true,
    );
    if (isHeard) await clock.pass(rng.between(0, CANCEL_MS));
    watch.piece(step, "server");
    if (isHeard || limitMs < workMs) return { kind: "cut" };
    watch.effect(step.name, "0");
    this.#done.add(action);
    return { kind: "done" };
  }

  async #batch({ name }: StepDefinition, { action, stretch, size }: BatchRequest): Promise<BatchOutcome> {
    const { clock, watch } = this.#world;
    const first = Number(stretch.cursor.after?.[0] ?? -1) + 1;
    const last = Math.min(ROWS - 1, first + size - 1);
    await clock.pass((last - first + 1) * ROW_MS);
    for (let row = first; row <= last; row++) watch.effect(name, String(row));
    const cursor = { ...stretch.cursor, after: [String(last)], rows: last + 1, end: last === ROWS - 1 };
    this.#stretches.set(action, [{ ...stretch, cursor }]);
    return { kind: "walked", cursor };
  }

  #left(name: string): number {
    return Array.from({ length: ROWS }, (_, row) => this.#world.watch.count(name, String(row))).filter((count) => count === 0)
      .length;
  }
}

const ITEMS: Table = {
  schema: "public",
  name: "items",
  kind: "table",
  columns: [],
  constraints: [],
  indexes: [],
  triggers: [],
  rows: ROWS,
  pages: 1,
  rowSecurity: false,
  policies: 0,
  partitionOf: null,
  partitionKey: null,
};

const SURVEY = {
  stretches: [{ part: 0, table: "public.items", key: ["id"], cursor: { from: null, after: null, until: null, rows: 0 } }],
  rows: ROWS,
  bytes: 0,
  rowsPerSecond: null,
  triggers: [],
  quiet: false,
  halves: false,
};
