import type { Rng } from "../../src/base/rng.ts";
import type { StepDefinition, StepWork } from "../../src/core/preparation/step-definition.ts";

/** Open for a third of a minute in every three. */
const OFTEN = { text: "often", spec: { kind: "cron", cron: "*/3 * * * *", forMs: 20_000, timeZone: "UTC" } } as const;

const WORKS: readonly StepWork[] = [
  { kind: "sql", sql: "UPDATE items SET a = 1", alone: false },
  { kind: "update", table: "items", set: "b = 1", where: "b IS NULL" },
  { kind: "command", command: "work" },
  { kind: "function", file: "work.ts" },
  { kind: "http", method: "POST", url: "http://cache.example/", headers: {}, body: null, expect: [], timeoutMs: 1_000 },
  { kind: "wait", until: { kind: "approval", text: "all agree" } },
  { kind: "update", table: "items", set: "c = 1", where: "c IS NULL" },
];

/** A release with a step of each kind; which of them have windows, needs or limits is drawn. */
export function simSteps(rng: Rng): readonly StepDefinition[] {
  return WORKS.map((work, index): StepDefinition => {
    const name = nameOf(index, work);
    const before = rng.between(0, index - 1);
    return {
      name,
      path: `deploy/steps/${name}.yaml`,
      digest: `of-${name}`,
      work,
      needs: index > 0 && rng.chance(0.3) ? [nameOf(before, WORKS[before] ?? work)] : [],
      required: rng.chance(0.7),
      window: rng.chance(0.4) ? OFTEN : null,
      maxTimeMs: rng.chance(0.2) ? 5_000 : null,
      maxLoad: rng.chance(0.2) ? 1 : null,
      throttle: 100,
      idempotent: rng.chance(0.8),
      undo: null,
    };
  });
}

function nameOf(index: number, { kind }: StepWork): string {
  return `${String(index + 1).padStart(4, "0")}-${kind}`;
}
