import { HitlessError } from "../../base/error.ts";
import type { StepRecord } from "../../core/preparation/step-record.ts";
import type { StepStore } from "../../ports/steps.ts";
import { News } from "../news.ts";

const key = (app: string, name: string): string => `${app}/${name}`;

/** All records, as they are in the store; progress is written down now and then only. */
export class StepBook {
  readonly #store: StepStore;
  readonly #epoch: () => number;
  readonly #records = new Map<string, StepRecord>();
  readonly news = new News();

  /** `epoch`: of the daemon's lease. */
  constructor(store: StepStore, epoch: () => number) {
    this.#store = store;
    this.#epoch = epoch;
  }

  async load(): Promise<void> {
    for (const record of await this.#store.steps()) this.#records.set(key(record.app, record.definition.name), record);
  }

  all(): readonly StepRecord[] {
    return [...this.#records.values()];
  }

  of(app: string): readonly StepRecord[] {
    return this.all()
      .filter((record) => record.app === app)
      .sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
  }

  /** @throws ERR_STEP_UNKNOWN naming the known ones */
  known(app: string, name: string): StepRecord {
    const found = this.find(app, name);
    if (found !== null) return found;
    const names = this.of(app).map(({ definition }) => definition.name);
    throw new HitlessError({
      code: "ERR_STEP_UNKNOWN",
      what: `${app} has no step ${name}.`,
      why: names.length === 0 ? "Nothing was prepared yet." : `It has ${names.join(", ")}.`,
      next: "`hitless prepare` reads the steps of the directory you are in.",
    });
  }

  find(app: string, name: string): StepRecord | null {
    return this.#records.get(key(app, name)) ?? null;
  }

  /** On disk, then in force. */
  async save(records: readonly StepRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#store.saveSteps(records, this.#epoch());
    for (const record of records) this.show(record);
  }

  /** In force without being on disk: what is lost with the daemon is seen anew by the next one. */
  show(record: StepRecord): void {
    this.#records.set(key(record.app, record.definition.name), record);
    this.news.tell();
  }
}
