import { expect } from "vitest";
import pg from "pg";
import { postgresDatabase } from "../../../../src/adapters/postgres/database.ts";
import type { Rng } from "../../../../src/base/rng.ts";
import { isPending, type ChangeSet } from "../../../../src/database/change-set.ts";
import { makeRoom, settleEarlier, standing } from "../../../../src/engine/database/earlier.ts";
import { contract, expand, revert } from "../../../../src/engine/database/runner.ts";
import { swapNames } from "../../../../src/engine/database/soft-swap.ts";
import type { StepRunner } from "../../../../src/engine/database/steps.ts";
import { APP, giveNamesBackIn, planOf, urlOf, withRunner, type ReleaseSources } from "../release.ts";
import { query } from "../server.ts";
import { interleaved } from "./interleaved.ts";
import type { LiveTable } from "./live-table.ts";
import { nameOf, writeOnce, type Writer } from "./random-writer.ts";
import type { TableStep } from "./random-table.ts";
import type { Row } from "./table-change.ts";

/** The newest of what happened, for whoever reads a failure. */
const REMEMBERED = 12;
const HOUR_MS = 3_600_000;

/**
 * A database through the releases that change its tables: each is expanded, perhaps taken back and expanded again, its contract done or kept softly,
 * perhaps with an older release that comes again; with writers of every live release between all steps.
 */
export class History {
  readonly #url: string;
  readonly #rng: Rng;
  readonly #tables: readonly LiveTable[];
  readonly #soft: boolean;
  readonly #story: string[];
  #writers: Writer[] = [];

  constructor(url: string, rng: Rng, tables: readonly LiveTable[]) {
    this.#url = url;
    this.#rng = rng;
    this.#tables = tables;
    this.#soft = rng.chance(0.3);
    this.#story = tables.map(({ table }) => table.create);
  }

  /** @param order the tables that the releases change, one after the other */
  async play(order: readonly LiveTable[]): Promise<void> {
    try {
      for (const { table } of this.#tables) await query(this.#url, table.create);
      await this.#join([null, 1]);
      await this.#turns(12);
      for (const { table } of this.#tables.filter((one) => one.table.key.referenced))
        await query(this.#url, `INSERT INTO ${table.name}_kids (t_id) SELECT id FROM ${table.name}`);
      let release = 1;
      for (const table of order) release = await this.#release(release + 1, table);
      await this.#finish();
    } finally {
      await this.#leave(() => true);
    }
  }

  /** One release's life until it is alone. Gives the number of the last one that has the same. */
  async #release(number: number, table: LiveTable): Promise<number> {
    let release = number;
    const change = { table, step: table.coming };
    await this.#expand(release, change);
    if (this.#rng.chance(0.5)) {
      await this.#leave((writer) => (writer.release ?? 0) >= number);
      // The next try has the number that is free: of the release itself, or of one that follows it.
      release = this.#rng.between(number, number + 1);
      if (release === number || this.#rng.chance(0.5)) await this.#run("taken back", (runner) => revert(runner, number));
      await this.#compare("after going back");
      await this.#expand(release, change);
    }
    await this.#leave((writer) => (writer.release ?? 0) < release);
    if (this.#soft) await this.#soften(release);
    else if (this.#rng.chance(0.5)) await this.#contractAll();
    return release + 1;
  }

  /** From here on one more release lives, and another that brings no SQL of its own. */
  async #expand(release: number, { table, step }: Change): Promise<void> {
    const spec = { ...SPEC, ...(this.#soft ? { softContractMs: HOUR_MS } : {}) };
    const live = [...new Set(this.#writers.flatMap((writer) => writer.release ?? []))];
    const coming = { release, spec, ahead: false, live };
    const { migration, routines } = step;
    const plan = (sets: readonly ChangeSet[]) =>
      planOf(this.#url, release, { migration, ...this.#procedures({ table, step }) }, standing(sets));
    const waiting = await this.#run(`r${String(release)} comes`, (runner) => settleEarlier(runner, coming));
    const first = await plan(waiting);
    const left = await this.#run("room is made", (runner) => makeRoom(runner, { ...coming, waiting, plan: first }));
    const planned = await plan(left);
    expect(planned.refusals, this.#told()).toEqual([]);
    const routine = routines?.next.sql ?? "";
    await this.#run(`r${String(release)} is expanded:\n${migration}\n${routine}`, async (runner) => {
      await expand(runner, planned);
      table.expand(release);
    });
    await this.#join([release, release + 1]);
    await this.#compare("after the expansion");
    await this.#turns(24);
    await this.#compare("while several releases live");
  }

  /** The directory of a release that changes this table: all routines as they are from then on. */
  #procedures(change: Change): Pick<ReleaseSources, "procedures"> {
    if (this.#tables.every(({ step }) => step.routines === null)) return {};
    const routines = this.#tables.flatMap((table) => {
      const isChanged = table === change.table;
      const { routines } = isChanged ? change.step : table.step;
      return routines === null ? [] : [isChanged || table.pending !== null ? routines.next : routines.old];
    });
    return { procedures: Object.fromEntries(routines.map(({ name, sql }) => [`${name}.sql`, sql])) };
  }

  /** What only older releases use is kept for a while, and one of them may come again. */
  async #soften(release: number): Promise<void> {
    await this.#keepAll();
    await this.#turns(6);
    if (this.#rng.chance(0.5)) {
      const older = Math.min(...this.#tables.flatMap(({ pending }) => pending ?? []), release) - 1;
      this.#story.push(`r${String(older)} comes again`);
      await giveNamesBackIn(this.#url, older);
      await this.#join([older]);
      await this.#compare("after an older release has come again");
      await this.#turns(12);
      await this.#leave((writer) => (writer.release ?? 0) < release);
      if (this.#rng.chance(0.5)) await this.#keepAll();
    }
    if (this.#rng.chance(0.3)) await this.#contractAll();
  }

  async #keepAll(): Promise<void> {
    await this.#run("what is old is kept", async (runner) => {
      for (const set of (await runner.lease.changeSets()).filter(isPending)) {
        const kept = { ...set, keptUntilMs: Date.now() + HOUR_MS };
        await runner.lease.save(kept);
        await swapNames(runner, kept, () => true);
      }
    });
    await this.#compare("while what is old is kept");
  }

  async #contractAll(): Promise<void> {
    await this.#run("the contract", async (runner) => {
      for (const set of (await runner.lease.changeSets()).filter(isPending)) await contract(runner, set.release);
    });
    await this.#turns(6);
    await this.#compare("after the contract");
  }

  async #finish(): Promise<void> {
    await this.#contractAll();
    await expectNothingLeft(this.#url);
  }

  /** What the engine has brought to an end, the tables hear of, and what has become of nulls meanwhile. */
  async #settled(): Promise<void> {
    const sets = await postgresDatabase.changeSets(this.#url, APP);
    for (const table of this.#tables) {
      const state = sets.find(({ release }) => release === table.pending)?.state;
      if (state === "reverted") table.revert();
      if (state === "contracted") await this.#contracted(table);
      table.model.settle(await this.#oldRows(table), table.pending !== null);
    }
  }

  async #contracted(table: LiveTable): Promise<void> {
    table.contract();
    for (const sql of table.holds) {
      const [row] = await query(this.#url, sql);
      expect(Object.values(row ?? {}), `${sql}\n${this.#told()}`).toEqual([true]);
    }
  }

  /** As a writer of the old side sees them; none: nobody is left of it. */
  async #oldRows(table: LiveTable): Promise<ReadonlyMap<number, Row>> {
    const writer = this.#writers.find(({ release }) => table.seat(release).side === "old");
    const rows = writer === undefined ? [] : await this.#rowsFor(writer, table);
    return new Map(rows.map((row) => [Number(row["id"]), row]));
  }

  /** With a turn of those who are there before each step. */
  async #run<T>(what: string, work: (runner: StepRunner) => Promise<T>): Promise<T> {
    this.#story.push(what);
    for (const { model } of this.#tables) model.doubt();
    const result = await withRunner(this.#url, (runner) =>
      work({ ...runner, lease: interleaved(runner.lease, () => this.#turns(1)), backfill: { workers: 1 } }),
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#told()}`, { cause: error });
    });
    await this.#settled();
    return result;
  }

  async #turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) {
      const table = this.#tables[this.#rng.between(0, this.#tables.length - 1)]!;
      const writer = this.#anyone();
      const { model } = table;
      const { numbered } = table.table.key;
      const write = { writer, seat: table.seat(writer.release), model, rng: this.#rng, numbered };
      this.#story.push(
        await writeOnce(write).catch((error: unknown) => {
          throw new Error(`${String(error)}\n${this.#told()}`, { cause: error });
        }),
      );
      await this.#compareFor(this.#anyone(), "between two writes");
    }
  }

  #anyone(): Writer {
    return this.#writers[this.#rng.between(0, this.#writers.length - 1)]!;
  }

  async #join(releases: readonly (number | null)[]): Promise<void> {
    for (const release of releases) {
      const client = new pg.Client({ connectionString: release === null ? this.#url : await urlOf(this.#url, release) });
      await client.connect();
      this.#writers.push({ release, client });
    }
  }

  async #leave(who: (writer: Writer) => boolean): Promise<void> {
    const leaving = this.#writers.filter(who);
    this.#writers = this.#writers.filter((writer) => !leaving.includes(writer));
    for (const { client } of leaving) await client.end();
  }

  async #compare(when: string): Promise<void> {
    for (const writer of this.#writers) await this.#compareFor(writer, when);
  }

  async #compareFor(writer: Writer, when: string): Promise<void> {
    for (const one of this.#tables) {
      const { side } = one.seat(writer.release);
      const wanted = one.model.rows(side);
      const seen = await this.#rowsFor(writer, one);
      const sure = seen.map((row, place) =>
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => [
            name,
            wanted[place]?.[name] === null && one.model.doubts(side, name) ? null : value,
          ]),
        ),
      );
      expect(sure, `${nameOf(writer)}, ${when}\n${this.#told()}`).toEqual(wanted);
    }
  }

  async #rowsFor({ release, client }: Writer, one: LiveTable): Promise<readonly Row[]> {
    const { side, table, key } = one.seat(release);
    const { rows } = await client.query<Record<string, number | string | null>>(
      `SELECT *, ${key} AS id FROM ${table} ORDER BY ${key}`,
    );
    return rows.map((row) => asModel(row, ["id", ...one.model.columns(side).map(({ name }) => name)]));
  }

  #told(): string {
    const writes = this.#story.filter((line) => /^(r\d+|somebody): /.test(line)).slice(-REMEMBERED);
    return this.#story.filter((line) => !/^(r\d+|somebody): /.test(line) || writes.includes(line)).join("\n");
  }
}

/** What one release brings. */
interface Change {
  readonly table: LiveTable;
  readonly step: TableStep;
}

const SPEC = {
  variable: "DATABASE_URL",
  migrations: "migrations",
  procedures: null,
  contractAfterMs: 0,
  lockTimeoutMs: 100,
  lockPatienceMs: 30_000,
};

/** The columns that the model knows, as it has them: the driver gives large and exact numbers as text. */
function asModel(row: Readonly<Record<string, number | string | null>>, names: readonly string[]): Row {
  return Object.fromEntries(
    names.map((name) => {
      const value = row[name] ?? null;
      return [name, value !== null && /^[\d.]+$/.test(String(value)) ? Number(value) : value];
    }),
  );
}

async function expectNothingLeft(url: string): Promise<void> {
  expect(await query(url, "SELECT nspname FROM pg_namespace WHERE nspname ~ '^hitless_'")).toEqual([]);
  expect(await query(url, "SELECT tgname FROM pg_trigger WHERE tgname ~ 'hitless'")).toEqual([]);
  expect(
    await query(
      url,
      "SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE c.relkind = 'r' AND attname ~ '(__r[0-9]+$|hitless)'",
    ),
  ).toEqual([]);
  expect(await query(url, "SELECT conname FROM pg_constraint WHERE conname ~ '_r[0-9]+$' OR NOT convalidated")).toEqual([]);
}
