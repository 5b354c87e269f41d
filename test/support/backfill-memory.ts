import type { Rng } from "../../src/base/rng.ts";
import type {
  BackfillCursor,
  BatchOutcome,
  BatchRequest,
  BatchWorker,
  Comparison,
  DatabaseLease,
  Stretch,
} from "../../src/ports/database.ts";
import type { Clock } from "../../src/ports/clock.ts";

interface MemoryTableParts {
  readonly rows: number;
  readonly faulty: ReadonlySet<number>;
  readonly trouble: number;
  readonly rng: Rng;
  readonly halves?: boolean;
}

/** A table of numbered rows, each with the times it was done, and where a backfill along it stands. */
export class MemoryTable implements Clock {
  readonly done: number[];
  /** What was compared at the end, in the order of their times. */
  readonly looks: { readonly began: number; readonly ended: number }[] = [];
  readonly #rng: Rng;
  readonly #faulty: ReadonlySet<number>;
  /** The chance of each thing that goes wrong with a batch. */
  readonly #trouble: number;
  readonly #halves: boolean;
  #stretches = new Map<number, Stretch>();
  #time = 0;

  constructor({ rows, faulty, trouble, rng, halves = false }: MemoryTableParts) {
    this.done = Array.from({ length: rows }, () => 0);
    this.#faulty = faulty;
    this.#trouble = trouble;
    this.#rng = rng;
    this.#halves = halves;
  }

  now(): number {
    return this.#time;
  }

  async sleepUntil(at: number): Promise<void> {
    this.#time = Math.max(this.#time, at);
  }

  /** What the journal counts. */
  get counted(): number {
    return [...this.#stretches.values()].reduce((sum, { cursor }) => sum + cursor.rows, 0);
  }

  lease(): DatabaseLease {
    const worker = this.#worker();
    const parts = this.#rng.between(1, 5);
    const bounds = Array.from({ length: parts }, (_, part) => Math.floor((this.done.length * (part + 1)) / parts) - 1);
    const cut = (part: number): Stretch => {
      const from = part === 0 ? null : [String(bounds[part - 1])];
      return {
        part,
        table: "t",
        key: ["id"],
        cursor: { from, after: from, until: [String(bounds[part])], rows: 0 },
      };
    };
    return {
      ...worker,
      survey: async () => ({
        kind: "surveyed",
        survey: {
          ...{
            rows: this.done.length,
            bytes: 0,
            rowsPerSecond: null,
            triggers: [],
            quiet: false,
            halves: this.#halves,
          },
          stretches: bounds.map((_, part) => cut(part)),
        },
      }),
      stretches: async () => [...this.#stretches.values()],
      begin: async (_release, _action, stretches) => {
        this.#stretches = new Map(stretches.map((stretch) => [stretch.part, stretch]));
      },
      keep: async () => undefined,
      worker: async () => this.#worker(),
    } satisfies Partial<DatabaseLease> as unknown as DatabaseLease;
  }

  #worker(): BatchWorker {
    return {
      batch: (request) => this.#transaction(request, (range) => (range.some((row) => this.#faulty.has(row)) ? null : range)),
      sift: (request) => this.#transaction(request, (range) => range.filter((row) => !this.#faulty.has(row))),
      retry: (request) => this.#transaction({ ...request, size: 0 }, () => []),
      compare: async ({ stretch: { cursor, ...stretch }, size }) => {
        const until = cursor.until ?? [String(this.done.length - 1)];
        const { range, upper, end } = rangeOf({
          stretch: { ...stretch, cursor: { ...cursor, until } },
          size: size ?? Infinity,
          halves: false,
        });
        const began = this.#time;
        this.#time += 1 + range.length * 0.01;
        this.looks.push({ began, ended: this.#time });
        return { kind: "compared", after: end ? null : [String(upper)], comparison: this.#comparison(range) };
      },
      close: async () => undefined,
    };
  }

  /** `change` says which rows of the range are done; null: the batch fails on one of them. */
  async #transaction(
    { stretch, size, halves, backfill }: BatchRequest,
    change: (range: readonly number[]) => readonly number[] | null,
  ): Promise<BatchOutcome> {
    this.#time += 1 + size * 0.01;
    await Promise.resolve();
    if (this.#rng.chance(this.#trouble)) return { kind: "locked", blockers: [] };
    if (this.#rng.chance(this.#trouble)) return { kind: "lost", message: "before its commit" };
    const { range: all, upper, end } = rangeOf({ stretch, size, halves });
    const range = all.filter((row) => backfill.once === true || this.done[row] === 0);
    const { half, after } = stretch.cursor;
    const rows = change(range);
    if (rows === null) return { kind: "faulty", code: "22P02", message: "it does not fit" };
    for (const row of rows) this.done[row] = (this.done[row] ?? 0) + 1;
    const whole = moved(stretch.cursor, { range, rows, end, upper });
    const inHalves = { ...whole, after: half?.to ?? after, half: { to: [String(upper)], size } };
    const cursor = size === 0 ? stretch.cursor : halves && !end ? inHalves : whole;
    this.#stretches.set(stretch.part, { ...stretch, cursor });
    if (this.#rng.chance(this.#trouble)) return { kind: "lost", message: "after its commit" };
    return { kind: "walked", cursor };
  }

  #comparison(range: readonly number[]): Comparison {
    const left = range.filter((row) => this.done[row] === 0 && !this.#faulty.has(row)).length;
    return { rows: range.length, left, different: null };
  }
}

/** What a batch is about: of its own range the even rows, of the range before it what is left. */
function rangeOf({ stretch: { cursor }, size, halves }: Pick<BatchRequest, "stretch" | "size" | "halves">): {
  readonly range: readonly number[];
  readonly upper: number;
  readonly end: boolean;
} {
  const { after, until, half } = cursor;
  const last = Number(until?.[0]);
  const begin = rowAfter(halves ? (half?.to ?? after) : after);
  const upper = Math.min(last, begin + size - 1);
  const end = upper >= last;
  const wanted = rowsBetween(begin, upper).filter((row) => !halves || end || row % 2 === 0);
  return { range: [...wanted, ...(halves ? rowsBetween(rowAfter(after), begin - 1) : [])], upper, end };
}

function rowAfter(key: readonly string[] | null): number {
  return key === null ? 0 : Number(key[0]) + 1;
}

function rowsBetween(first: number, last: number): readonly number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

function moved(
  { half: _, ...cursor }: BackfillCursor,
  {
    range,
    rows,
    end,
    upper,
  }: {
    range: readonly number[];
    rows: readonly number[];
    end: boolean;
    upper: number;
  },
): BackfillCursor {
  const failed = range.filter((row) => !rows.includes(row)).map((row) => ({ key: [String(row)], message: "it does not fit" }));
  return {
    ...cursor,
    after: [String(upper)],
    rows: cursor.rows + rows.length,
    end,
    failed: [...(cursor.failed ?? []), ...failed],
  };
}
