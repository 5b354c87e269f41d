import type { StepDefinition } from "../../src/core/preparation/step-definition.ts";
import { newRecord, type StepRecord } from "../../src/core/preparation/step-record.ts";

/** A step as its file might be, with what is given over it. */
export function step(name: string, more: Partial<StepDefinition> = {}): StepDefinition {
  return {
    name,
    path: `deploy/steps/${name}.yaml`,
    digest: `of ${name}`,
    work: { kind: "update", table: "users", set: `${name.replace(/\W/g, "_")} = 1`, where: "true" },
    needs: [],
    required: true,
    window: null,
    maxTimeMs: null,
    maxLoad: null,
    throttle: 100,
    undo: null,
    ...more,
  };
}

/** Its record, with what is given over it. */
export function record(definition: StepDefinition, more: Partial<StepRecord> = {}): StepRecord {
  return { ...newRecord(definition, { app: "shop", snapshot: "r1", database: "db/shop", now: 0 }, null), ...more };
}
