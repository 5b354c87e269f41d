import { EXPAND, type StepDefinition } from "./step-definition.ts";
import type { StepState } from "./step-record.ts";

/** What is known of a step from the last preparation that had one of its name. */
export interface KnownStep {
  readonly name: string;
  /** Undefined where an older daemon tells of it. */
  readonly digest?: string | undefined;
  readonly state: StepState;
  readonly workedMs: number;
  readonly remainingMs: number | null;
  readonly progress: { readonly etaMs: number | null } | null;
}

/** How long something should take, at full speed. */
export interface Estimated {
  readonly seconds: number;
  /** What it was computed from. */
  readonly basis: string;
}

/** A thing that the expansion of the database does. */
export interface ExpandAction {
  readonly id: string;
  readonly title: string;
  /** Null: it does not depend on the size of anything. */
  readonly expected: Estimated | null;
}

/** What can be done before the deployment. */
export interface AheadItem {
  readonly name: string;
  readonly kind: StepDefinition["work"]["kind"];
  /** A deployment does not begin before it is done. */
  readonly required: boolean;
  /** As it was prepared with this very content; null: it was not. */
  readonly state: StepState | null;
  /** Of work that is left; null: nobody knows. */
  readonly seconds: number | null;
  readonly basis: string;
  /** What it consists of, for the expansion. */
  readonly actions: readonly ExpandAction[];
}

export interface AheadPlan {
  readonly items: readonly AheadItem[];
  /** By how much a deployment is shorter for which all of it was done before. */
  readonly shorterSeconds: number;
  /** Steps of which nobody knows by how much. */
  readonly unknown: readonly string[];
}

export interface AheadInput {
  /** In their order, the expansion among them where there is one. */
  readonly steps: readonly StepDefinition[];
  readonly known: readonly KnownStep[];
  /** Of batched updates that were never run, by the names of their steps. */
  readonly sizes: ReadonlyMap<string, Estimated | null>;
  /** What the database does not have yet. */
  readonly expansion: readonly ExpandAction[];
}

/** What could move ahead of the deployment of these sources. Steps that no deployment waits for make none shorter. */
export function planAhead({ steps, known, sizes, expansion }: AheadInput): AheadPlan {
  const items = steps.map((step): AheadItem => {
    const before = known.find(({ name }) => name === step.name) ?? null;
    const same = before !== null && before.digest === step.digest;
    const left = leftOf(step, same ? before : null, expansion) ?? sizeOf(step, sizes) ?? earlier(before) ?? unknownOf(step);
    return {
      name: step.name,
      kind: step.work.kind,
      required: step.required,
      state: same ? before.state : null,
      ...left,
      actions: step.name === EXPAND ? expansion : [],
    };
  });
  const counted = items.filter(({ name, required }) => required || name === EXPAND);
  return {
    items,
    shorterSeconds: counted.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0),
    unknown: counted.filter(({ seconds }) => seconds === null).map(({ name }) => name),
  };
}

type Left = Pick<AheadItem, "seconds" | "basis">;

function leftOf(step: StepDefinition, same: KnownStep | null, expansion: readonly ExpandAction[]): Left | null {
  if (same?.state === "done") return { seconds: 0, basis: "it is done" };
  if (step.name === EXPAND) return sumOf(expansion);
  if (same === null || same.remainingMs === null) return null;
  const basis = same.progress?.etaMs === same.remainingMs ? "at the rate it goes" : "as long as it took the last time";
  return { seconds: inSeconds(same.remainingMs), basis };
}

function sumOf(expansion: readonly ExpandAction[]): Left {
  const sized = expansion.map(({ expected }) => expected).filter((expected) => expected !== null);
  const seconds = sized.reduce((sum, expected) => sum + expected.seconds, 0);
  if (expansion.length === 0) return { seconds, basis: "the database has everything" };
  const instant = expansion.length - sized.length;
  const parts = [
    ...(sized.length === 0 ? [] : [`${String(sized.length)} by size`]),
    ...(instant === 0 ? [] : [`${String(instant)} O(1)`]),
  ];
  return { seconds, basis: `${String(expansion.length)} action${expansion.length === 1 ? "" : "s"}: ${parts.join(", ")}` };
}

function sizeOf({ name, throttle }: StepDefinition, sizes: AheadInput["sizes"]): Left | null {
  const size = sizes.get(name) ?? null;
  if (size === null) return null;
  const slower = throttle === 100 ? "" : `, ${String(throttle)} % of the time`;
  return { seconds: Math.ceil((size.seconds * 100) / throttle), basis: `${size.basis}${slower}` };
}

function earlier(before: KnownStep | null): Left | null {
  if (before?.state !== "done") return null;
  return { seconds: inSeconds(before.workedMs), basis: "as long as it took with another content" };
}

function unknownOf({ work }: StepDefinition): Left {
  return { seconds: null, basis: work.kind === "wait" ? "it waits, and does nothing" : "it was never run" };
}

function inSeconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
