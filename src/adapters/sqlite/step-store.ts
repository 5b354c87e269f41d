import type { DatabaseSync } from "node:sqlite";
import { HitlessError } from "../../base/error.ts";
import type { StepRecord } from "../../core/preparation/step-record.ts";
import type { StepStore } from "../../ports/steps.ts";

/** Records of steps in the journal's file. */
export class SqliteStepStore implements StepStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async steps(): Promise<readonly StepRecord[]> {
    const rows = this.#database.prepare("SELECT body FROM steps ORDER BY app, name").all();
    return rows.map((row) => JSON.parse(String(row["body"])) as StepRecord);
  }

  async saveSteps(records: readonly StepRecord[], lease: number): Promise<void> {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const held = this.#database.prepare("SELECT epoch FROM lease").get();
      if (Number(held?.["epoch"] ?? 0) !== lease)
        throw new HitlessError({ code: "ERR_STALE_EPOCH", what: "Another daemon has taken over." });
      const save = this.#database.prepare("INSERT OR REPLACE INTO steps (app, name, body) VALUES (?, ?, ?)");
      for (const record of records) save.run(record.app, record.definition.name, JSON.stringify(record));
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}
