import type { StepDefinition } from "../core/preparation/step-definition.ts";
import type { StepRecord } from "../core/preparation/step-record.ts";
import type { AppSpec } from "../core/app-spec.ts";

/** The durable memory of steps. Every write is on disk when its promise resolves. */
export interface StepStore {
  /** Of every app, in the order of their names. */
  steps(): Promise<readonly StepRecord[]>;
  /** All of them or none. Throws ERR_STALE_EPOCH, and writes nothing, when another has taken the lease with this epoch. */
  saveSteps(records: readonly StepRecord[], lease: number): Promise<void>;
}

/** Where the steps of a release are read. */
export interface StepSources {
  /** What is in a directory of a release, the expansion of its database included. @throws ERR_STEPS_INVALID with every problem */
  read(directory: string, spec: AppSpec): Promise<readonly StepDefinition[]>;
}

/** What a program says of its progress, and where it goes on after it was ended. */
export interface StepReport {
  readonly done: number | null;
  readonly total: number | null;
}

/** Where the program of a step keeps its checkpoint, and is told how fast it may go. */
export interface StepPlaces {
  /** The variables that the program gets; the place is made. `digest`: that of another content has another place. */
  open(app: string, step: StepDefinition): Promise<Readonly<Record<string, string>>>;
  /** Null: nothing was said yet. */
  report(app: string, step: StepDefinition): Promise<StepReport | null>;
  /** Percent of the time in which it may work. */
  steer(app: string, step: StepDefinition, throttle: number): Promise<void>;
  /** How the program of a `function` step is started. */
  functionCommand(file: string): readonly string[];
}

/** The machine that the daemon runs on. */
export interface Machine {
  /** Programs that want to run, per core, over the last minute. */
  load(): number;
}
