import { expect } from "vitest";
import pg from "pg";
import type { Rng } from "../../../../src/base/rng.ts";
import { contract, expand, revert } from "../../../../src/engine/database/runner.ts";
import type { StepRunner } from "../../../../src/engine/database/steps.ts";
import { planOf, urlOf, withRunner } from "../release.ts";
import { query } from "../server.ts";
import { interleaved } from "./interleaved.ts";
import { writeOnce, type Writer } from "./random-writer.ts";
import type { RandomTable } from "./random-table.ts";
import type { Row, Side } from "./table-change.ts";
import { TableModel } from "./table-model.ts";

/** The newest of what was written, for whoever reads a failure. */
const REMEMBERED = 6;

/** One life of a table: expanded, perhaps taken back and expanded again, contracted; with writers of every live release between all steps. */
export class History {
  readonly #url: string;
  readonly #rng: Rng;
  readonly #table: RandomTable;
  readonly #model: TableModel;
  readonly #written: string[] = [];
  #writers: Writer[] = [];

  constructor(url: string, rng: Rng, table: RandomTable) {
    this.#url = url;
    this.#rng = rng;
    this.#table = table;
    this.#model = new TableModel(table.changes);
  }

  async play(): Promise<void> {
    try {
      await query(this.#url, this.#table.create);
      await this.#join("old", [null, 1]);
      await this.#turns(12);
      if (this.#table.key.referenced) await query(this.#url, "INSERT INTO kids (t_id) SELECT id FROM t");
      let release = 2;
      await this.#expand(release);
      if (this.#rng.chance(0.5)) {
        await this.#leave("next");
        await this.#run((runner) => revert(runner, 2));
        await this.#compare("after going back");
        // The next try has the number that is free: of the release itself, or of one that follows it.
        release = this.#rng.between(2, 3);
        await this.#expand(release);
      }
      await this.#leave("old");
      await this.#run((runner) => contract(runner, release));
      await this.#turns(6);
      await this.#compare("after the contract");
      await this.#expectNothingLeft();
    } finally {
      await this.#leave("old");
      await this.#leave("next");
    }
  }

  /** From here on three releases live: the old one, the new one, and one more that brings no SQL of its own. */
  async #expand(release: number): Promise<void> {
    const plan = await planOf(this.#url, release, { migration: this.#table.migration });
    expect(plan.refusals, this.#table.migration).toEqual([]);
    await this.#run((runner) => expand(runner, plan));
    this.#model.expand();
    await this.#join("next", [release, release + 1]);
    await this.#compare("after the expansion");
    await this.#turns(24);
    await this.#compare("while three releases live");
  }

  /** With a turn of those who are there before each step. */
  async #run(work: (runner: StepRunner) => Promise<unknown>): Promise<void> {
    await withRunner(this.#url, (runner) =>
      work({ ...runner, lease: interleaved(runner.lease, () => this.#turns(1)), backfill: { workers: 1 } }),
    );
  }

  async #turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) {
      const { numbered } = this.#table.key;
      const said = await writeOnce({ writer: this.#anyone(), model: this.#model, rng: this.#rng, numbered });
      this.#written.push(said);
      await this.#compareFor(this.#anyone(), "between two writes");
    }
  }

  #anyone(): Writer {
    return this.#writers[this.#rng.between(0, this.#writers.length - 1)]!;
  }

  /** `null`: a client that does not say of which release it is. */
  async #join(side: Side, releases: readonly (number | null)[]): Promise<void> {
    for (const release of releases) {
      const client = new pg.Client({ connectionString: release === null ? this.#url : await urlOf(this.#url, release) });
      await client.connect();
      const name = release === null ? "somebody" : `r${String(release)}`;
      this.#writers.push({ name, side, client, table: this.#table.names[side], key: this.#table.key.names[side] });
    }
  }

  async #leave(side: Side): Promise<void> {
    const leaving = this.#writers.filter((writer) => writer.side === side);
    this.#writers = this.#writers.filter((writer) => writer.side !== side);
    for (const { client } of leaving) await client.end();
  }

  async #compare(when: string): Promise<void> {
    for (const writer of this.#writers) await this.#compareFor(writer, when);
  }

  async #compareFor({ name, side, client, table, key }: Writer, when: string): Promise<void> {
    const wanted = this.#model.rows(side);
    const { rows } = await client.query<Record<string, number | string | null>>(
      `SELECT *, ${key} AS id FROM ${table} ORDER BY ${key}`,
    );
    const seen = rows.map((row, place) => asModel(row, wanted[place] ?? { id: null }));
    const story = [this.#table.create, this.#table.migration, ...this.#written.slice(-REMEMBERED)].join("\n");
    expect(seen, `${name}, ${when}\n${story}`).toEqual(wanted);
  }

  async #expectNothingLeft(): Promise<void> {
    expect(await query(this.#url, "SELECT nspname FROM pg_namespace WHERE nspname ~ '^hitless_'")).toEqual([]);
    expect(await query(this.#url, "SELECT tgname FROM pg_trigger WHERE tgname ~ 'hitless'")).toEqual([]);
    expect(
      await query(
        this.#url,
        "SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE c.relkind = 'r' AND attname ~ '__r[0-9]+$'",
      ),
    ).toEqual([]);
    expect(await query(this.#url, "SELECT conname FROM pg_constraint WHERE conname ~ '_r[0-9]+$' OR NOT convalidated")).toEqual(
      [],
    );
  }
}

/** The columns that the model knows, as it has them: the driver gives large and exact numbers as text. */
function asModel(row: Readonly<Record<string, number | string | null>>, wanted: Row): Row {
  return Object.fromEntries(
    Object.keys(wanted).map((name) => {
      const value = row[name] ?? null;
      return [name, value !== null && /^[\d.]+$/.test(String(value)) ? Number(value) : value];
    }),
  );
}
