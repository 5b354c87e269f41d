/** What `hitless db …` shows of a plan. Plain data: `--json` prints it as it is. */
export interface PlanReport {
  readonly app: string;
  readonly release: string;
  /** Null: the release sees nothing differently. */
  readonly overlay: string | null;
  readonly migrations: readonly string[];
  readonly steps: readonly PlanStep[];
  readonly refusals: readonly PlanRefusal[];
  readonly notices: readonly { readonly rule: string; readonly place: string; readonly text: string }[];
}

export interface PlanStep {
  readonly id: string;
  readonly phase: "expand" | "contract";
  readonly title: string;
  /** `0002_names.sql:3`; empty for what Hitless needs itself. */
  readonly place: string;
  readonly lock: string;
  readonly blocks: "nobody" | "writes" | "reads and writes";
  readonly work: string;
  /** A rough number of seconds, for what depends on the table's size; null: instant, or unknown. */
  readonly seconds: number | null;
  readonly sql: readonly string[];
}

export interface PlanRefusal {
  readonly rule: string;
  readonly place: string;
  readonly path: string;
  readonly line: number;
  readonly why: string;
  readonly write: readonly string[];
}

export interface DatabaseStatus {
  readonly app: string;
  readonly releases: readonly {
    readonly release: string;
    readonly state: string;
    readonly overlay: string | null;
    readonly migrations: readonly string[];
    /** Steps of the contract that are still to come. */
    readonly contract: readonly string[];
  }[];
  readonly connections: readonly { readonly release: string; readonly connections: number }[];
}
