import { EXPAND } from "./step-definition.ts";
import type { StepRecord } from "./step-record.ts";
import { windowText } from "./step-window.ts";

export interface Surroundings {
  readonly now: number;
  /** Of the machine, per core. */
  readonly load: number;
  /** All that the daemon knows, of every app. */
  readonly records: readonly StepRecord[];
  /** Whether a deployment of the app is under way. */
  readonly isDeploying: (app: string) => boolean;
}

/** A load that made a step wait must have fallen below this share of its limit before it goes on. */
const CALM = 0.9;

/** Why a step may not work at this moment, in a sentence for people; null: it may. */
export function hindrance(record: StepRecord, around: Surroundings): string | null {
  return (
    neededText(record, around) ?? closedText(record, around.now) ?? loadText(record, around.load) ?? otherText(record, around)
  );
}

function neededText({ app, definition }: StepRecord, { records }: Surroundings): string | null {
  const own = new Map(records.filter((one) => one.app === app).map((one) => [one.definition.name, one]));
  const missing = definition.needs.map((name) => [name, own.get(name)?.state] as const).filter(([, state]) => state !== "done");
  if (missing.length === 0) return null;
  return `needs ${missing.map(([name, state]) => `${name}, which is ${state ?? "not there"}`).join("; ")}`;
}

/** An operator may want it at any time. */
function closedText({ definition: { window }, anyTime }: StepRecord, now: number): string | null {
  return window === null || anyTime ? null : windowText(window, now);
}

/** SQL that was taken back for its load would only make it once more. */
function loadText({ definition: { maxLoad, work }, state }: StepRecord, load: number): string | null {
  if (maxLoad === null || (state === "running" && work.kind === "sql")) return null;
  const limit = state === "running" ? maxLoad : maxLoad * CALM;
  return load <= limit ? null : `the machine's load of ${load.toFixed(2)} per core is above ${String(maxLoad)}`;
}

/** One at a time in a lane, in the order of their names; a deployment upgrades the database itself. */
function otherText(record: StepRecord, { records, isDeploying }: Surroundings): string | null {
  if (record.definition.name === EXPAND && isDeploying(record.app)) return "a deployment is under way";
  if (record.lane === null || record.state === "running") return null;
  const other = records.find((one) => one !== record && one.lane === record.lane && one.state === "running");
  if (other === undefined) return null;
  return `${other.app === record.app ? "" : `${other.app}'s `}${other.definition.name} runs, and one runs at a time`;
}
