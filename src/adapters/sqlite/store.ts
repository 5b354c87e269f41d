import { chmodSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { assert, HitlessError } from "../../base/error.ts";
import { nameNumber } from "../../base/names.ts";
import type { IntendedCommand } from "../../core/command.ts";
import type { Event } from "../../core/event.ts";
import type { AppState, Deployment } from "../../core/state.ts";
import type { JournalEntry, Lease, LeaseTerm, Note, Store } from "../../ports/store.ts";
import type { StepStore } from "../../ports/steps.ts";
import { isBusy } from "./daemon-lock.ts";
import { migrate } from "./migrations.ts";
import { SqliteStepStore } from "./step-store.ts";

/** Deployments whose record and notes are kept, per app. */
const DEPLOYMENTS_KEPT = 200;
/** Journal entries that are kept although a snapshot makes them dispensable: for looking at what happened. */
const ENTRIES_KEPT = 2_000;
/** How long another process that has the journal open for a moment is waited for. */
const BUSY_LIMIT_MS = 5_000;
const BUSY_RETRY_MS = 10;

type Row = Readonly<Record<string, SQLOutputValue>>;

/** The journal in one SQLite file. WAL with `synchronous=FULL`: a promise that has resolved is on disk (https://sqlite.org/pragma.html#pragma_synchronous). */
export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws ERR_STATE_DIRECTORY when the file cannot be opened or was written by a newer version */
  constructor(stateDirectory: string) {
    const path = join(stateDirectory, "hitless.db");
    let database: DatabaseSync | null = null;
    try {
      database = new DatabaseSync(path, { timeout: BUSY_LIMIT_MS });
      chmodSync(path, 0o600);
      setWriteAheadLog(database);
      database.exec("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
      migrate(database);
      this.#database = database;
    } catch (error) {
      database?.close();
      throw new HitlessError(
        {
          code: "ERR_STATE_DIRECTORY",
          what: `The journal ${path} cannot be opened.`,
          why: error instanceof Error ? error.message : String(error),
          next: "Check who owns the state directory and whether the disk is full; `--state` names another one.",
        },
        { cause: error },
      );
    }
  }

  /** Pre-deployment steps, in the same file. */
  steps(): StepStore {
    return new SqliteStepStore(this.#database);
  }

  async apps(): Promise<readonly string[]> {
    return this.#all("SELECT app FROM apps ORDER BY app").map((row) => String(row["app"]));
  }

  async lease(): Promise<Lease | null> {
    const row = this.#get("SELECT holder, epoch, renewed_at, expires_at FROM lease");
    if (row === undefined) return null;
    return {
      holder: String(row["holder"]),
      epoch: Number(row["epoch"]),
      renewedAt: Number(row["renewed_at"]),
      expiresAt: Number(row["expires_at"]),
    };
  }

  async takeLease(after: number, term: LeaseTerm): Promise<Lease | null> {
    return this.#transaction(() => (this.#leaseEpoch() === after ? this.#setLease(after + 1, term) : null));
  }

  async renewLease(epoch: number, term: LeaseTerm): Promise<Lease> {
    return this.#transaction(() => {
      this.#checkLease(epoch);
      return this.#setLease(epoch, term);
    });
  }

  async openEpoch(app: string, lease: number): Promise<number> {
    return this.#transaction(() => {
      this.#checkLease(lease);
      const row = this.#get(
        "INSERT INTO apps (app, epoch) VALUES (?, 1) ON CONFLICT (app) DO UPDATE SET epoch = epoch + 1 RETURNING epoch",
        app,
      );
      return Number(row?.["epoch"]);
    });
  }

  /** The write lock is held meanwhile: a daemon that is stopped in the middle of it keeps others waiting, and cannot be overtaken. */
  fenced<T>(app: string, epoch: number, effect: () => T): T {
    return this.#transaction(() => {
      this.#checkEpoch(app, epoch);
      return effect();
    });
  }

  async append(app: string, entry: JournalEntry): Promise<void> {
    this.#transaction(() => {
      this.#checkEpoch(app, entry.epoch);
      assert(entry.seq === this.#lastSeq(app) + 1, "journal entries are numbered without gaps");
      this.#run(
        "INSERT INTO journal (app, seq, epoch, at, deployment, event, commands) VALUES (?, ?, ?, ?, ?, ?, ?)",
        app,
        entry.seq,
        entry.epoch,
        entry.event.at,
        entry.deployment,
        JSON.stringify(entry.event),
        JSON.stringify(entry.commands),
      );
      for (const [position, command] of entry.commands.entries()) this.#intend(app, entry.seq, position, command);
      if (entry.event.settles !== undefined) this.#run("DELETE FROM commands WHERE app = ? AND id = ?", app, entry.event.settles);
      for (const note of entry.notes) this.#note(app, entry.deployment, note);
    });
  }

  async load(app: string): ReturnType<Store["load"]> {
    const row = this.#get("SELECT seq, state FROM snapshots WHERE app = ?", app);
    const snapshot = row === undefined ? null : { seq: Number(row["seq"]), state: parse(row["state"]) as AppState };
    const entries = this.#all("SELECT * FROM journal WHERE app = ? AND seq > ? ORDER BY seq", app, snapshot?.seq ?? 0);
    const commands = this.#all("SELECT body FROM commands WHERE app = ? ORDER BY seq, position", app);
    return {
      snapshot,
      entries: entries.map(entryOf),
      unsettled: commands.map((command) => parse(command["body"]) as IntendedCommand),
    };
  }

  async saveSnapshot(app: string, seq: number, state: AppState): Promise<void> {
    this.#transaction(() => {
      this.#run(
        "INSERT INTO snapshots (app, seq, state) VALUES (?, ?, ?) ON CONFLICT (app) DO UPDATE SET seq = excluded.seq, state = excluded.state WHERE excluded.seq >= seq",
        app,
        seq,
        JSON.stringify(state),
      );
      this.#run("DELETE FROM journal WHERE app = ? AND seq <= ?", app, seq - ENTRIES_KEPT);
    });
  }

  async saveDeployment(app: string, deployment: Deployment): Promise<void> {
    const number = nameNumber(deployment.name);
    this.#transaction(() => {
      this.#run(
        "INSERT INTO deployments (app, number, body) VALUES (?, ?, ?) ON CONFLICT (app, number) DO UPDATE SET body = excluded.body",
        app,
        number,
        JSON.stringify(deployment),
      );
      this.#trim(app, (number ?? 0) - DEPLOYMENTS_KEPT);
    });
  }

  async deployments(app: string, limit: number): Promise<readonly Deployment[]> {
    return this.#all("SELECT body FROM deployments WHERE app = ? ORDER BY number DESC LIMIT ?", app, limit).map(
      (row) => parse(row["body"]) as Deployment,
    );
  }

  async notes(app: string, deployment: string, after: number): Promise<readonly (Note & { readonly seq: number })[]> {
    const rows = this.#all(
      "SELECT seq, at, level, text FROM notes WHERE app = ? AND deployment = ? AND seq > ? ORDER BY seq",
      app,
      deployment,
      after,
    );
    return rows.map((row) => ({
      seq: Number(row["seq"]),
      at: Number(row["at"]),
      level: row["level"] as Note["level"],
      text: String(row["text"]),
    }));
  }

  close(): void {
    this.#database.close();
  }

  #checkEpoch(app: string, epoch: number): void {
    if (epoch >= Number(this.#get("SELECT epoch FROM apps WHERE app = ?", app)?.["epoch"] ?? 0)) return;
    throw new HitlessError({ code: "ERR_STALE_EPOCH", what: `A newer daemon writes the journal of ${app}.` });
  }

  #leaseEpoch(): number {
    return Number(this.#get("SELECT epoch FROM lease")?.["epoch"] ?? 0);
  }

  #checkLease(epoch: number): void {
    if (epoch !== this.#leaseEpoch()) throw new HitlessError({ code: "ERR_STALE_EPOCH", what: "Another daemon has taken over." });
  }

  #setLease(epoch: number, { holder, now, ttlMs }: LeaseTerm): Lease {
    const lease: Lease = { holder, epoch, renewedAt: now, expiresAt: now + ttlMs };
    this.#run(
      "INSERT OR REPLACE INTO lease (one, holder, epoch, renewed_at, expires_at) VALUES (1, ?, ?, ?, ?)",
      holder,
      epoch,
      lease.renewedAt,
      lease.expiresAt,
    );
    return lease;
  }

  #intend(app: string, seq: number, position: number, command: IntendedCommand): void {
    this.#run(
      "INSERT OR REPLACE INTO commands (app, id, seq, position, body) VALUES (?, ?, ?, ?, ?)",
      app,
      command.id,
      seq,
      position,
      JSON.stringify(command),
    );
  }

  #note(app: string, deployment: string | null, note: Note): void {
    const next = "(SELECT coalesce(max(seq), 0) + 1 FROM notes WHERE app = ?)";
    this.#run(
      `INSERT INTO notes (app, seq, deployment, at, level, text) VALUES (?, ${next}, ?, ?, ?, ?)`,
      app,
      app,
      deployment,
      note.at,
      note.level,
      note.text,
    );
  }

  #trim(app: string, number: number): void {
    const old = this.#all("SELECT number FROM deployments WHERE app = ? AND number <= ?", app, number);
    for (const row of old) this.#run("DELETE FROM notes WHERE app = ? AND deployment = ?", app, `d${String(row["number"])}`);
    this.#run("DELETE FROM deployments WHERE app = ? AND number <= ?", app, number);
  }

  #lastSeq(app: string): number {
    const journal = Number(this.#get("SELECT max(seq) AS seq FROM journal WHERE app = ?", app)?.["seq"] ?? 0);
    return Math.max(journal, Number(this.#get("SELECT seq FROM snapshots WHERE app = ?", app)?.["seq"] ?? 0));
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #all(sql: string, ...values: Value[]): Row[] {
    return this.#prepare(sql).all(...values);
  }

  #get(sql: string, ...values: Value[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  #run(sql: string, ...values: Value[]): void {
    this.#prepare(sql).run(...values);
  }
}

type Value = string | number | null;

function parse(text: SQLOutputValue | undefined): unknown {
  return JSON.parse(String(text));
}

function entryOf(row: Row): JournalEntry {
  return {
    seq: Number(row["seq"]),
    epoch: Number(row["epoch"]),
    deployment: row["deployment"] === null ? null : String(row["deployment"]),
    event: parse(row["event"]) as Event,
    commands: parse(row["commands"]) as IntendedCommand[],
    notes: [],
  };
}

/** SQLite's own waiting does not cover the change to WAL (https://sqlite.org/wal.html#sometimes_queries_return_sqlite_busy_in_wal_mode). */
function setWriteAheadLog(database: DatabaseSync): void {
  const until = Date.now() + BUSY_LIMIT_MS;
  for (;;) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!isBusy(error) || Date.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_RETRY_MS);
    }
  }
}
