import { z } from "zod";
import { parseDailyWindow } from "../../base/daily-window.ts";
import type { StepDefinition, StepWork } from "../../core/preparation/step-definition.ts";
import { hasRange } from "../../database/backfill/range-query.ts";
import { duration } from "../units.ts";

const DAY_MS = 86_400_000;
const WINDOW = 'expected a window such as "01:00-05:00 Europe/Vienna" or "Mon-Fri 22:00-06:00 UTC"';
const NEEDS = "expected names of steps such as [0001-names, expand]";
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/;

const text = (expected: string) => z.string({ error: expected }).refine((value) => value.trim() !== "", { error: expected });
const number = (min: number, max: number, what: string) => {
  const error = `expected ${what} from ${String(min)} to ${String(max)}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
};

const window = z.string({ error: WINDOW }).transform((value, context): NonNullable<StepDefinition["window"]> => {
  try {
    return { text: value, spec: parseDailyWindow(value) };
  } catch (error) {
    context.addIssue({ code: "custom", message: `${WINDOW}: ${(error as Error).message}` });
    return z.NEVER;
  }
});

const percent = z
  .union([z.string().regex(/^\d+%$/), z.number()], { error: 'expected a share such as "50%"' })
  .transform((value) => Number(String(value).replace("%", "")))
  .pipe(number(1, 100, "a share such as 50%, percent"));

/** What every step may say, in a YAML file or in the comments at the head of another. */
const common = {
  needs: z.array(text(NEEDS), { error: NEEDS }).default([]),
  required: z.boolean({ error: "expected true or false" }).default(true),
  idempotent: z.boolean({ error: "expected true or false" }).default(true),
  window: window.optional(),
  maxTime: duration(1_000, 365 * DAY_MS).optional(),
  maxLoad: number(0.01, 100, "the load per core, a number").optional(),
  throttle: percent.default(100),
  undo: text("expected a sentence that says how it is taken back").optional(),
};

const update = z.strictObject({
  table: text("expected a table such as users or shop.users"),
  set: text('expected what is set, such as "email = lower(email)"'),
  where: text('expected a condition that rows no longer meet when they are done, such as "email <> lower(email)"'),
});

const RANGE =
  'expected one statement with {range} in it, such as "INSERT INTO sums SELECT user_id, sum(cents) FROM orders WHERE {range} GROUP BY 1"';
const batches = z.strictObject({
  table: text("expected the table along whose key it goes, such as users or shop.users"),
  query: text(RANGE).refine(hasRange, { error: RANGE }),
});

const http = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: "expected an http or https address" }),
  method: z
    .enum(["GET", "POST", "PUT", "PATCH", "DELETE"], { error: "expected GET, POST, PUT, PATCH or DELETE" })
    .default("POST"),
  headers: z.record(z.string(), z.string(), { error: "expected header fields" }).default({}),
  body: z.string({ error: "expected text" }).optional(),
  expect: z.array(number(100, 599, "a status"), { error: "expected a list of statuses such as [200, 202]" }).default([]),
  timeout: duration(100).default(60_000),
});

const wait = z.strictObject({
  query: text("expected a query for one boolean").optional(),
  every: duration(100).default(5_000),
  until: z.string().regex(TIME, "expected a time with its zone such as 2026-12-01T03:00:00Z").optional(),
  approval: text("expected what is approved").optional(),
});

const COMMAND = 'expected a command line such as "node tool.js", or a list of arguments';
const command = z.union([text(COMMAND), z.array(z.string()).min(1)], { error: COMMAND });

/** Of files whose content is the work. */
export const headerSchema = z.strictObject({ ...common, transaction: z.boolean({ error: "expected true or false" }).optional() });

export const fileSchema = z
  .strictObject({
    ...common,
    update: update.optional(),
    batches: batches.optional(),
    http: http.optional(),
    wait: wait.optional(),
    command: command.optional(),
  })
  .superRefine((step, context) => {
    const kinds = [step.update, step.batches, step.http, step.wait, step.command].filter((one) => one !== undefined);
    if (kinds.length !== 1) context.addIssue({ code: "custom", message: "expected one of update, batches, http, wait, command" });
    const { wait: on } = step;
    const conditions = [on?.query, on?.until, on?.approval].filter((one) => one !== undefined);
    if (on !== undefined && conditions.length !== 1)
      context.addIssue({ code: "custom", path: ["wait"], message: "expected one of query, until, approval" });
  });

type Conditions = Omit<StepDefinition, "name" | "path" | "digest" | "work">;

export function conditionsOf(step: Omit<z.output<typeof headerSchema>, "transaction">): Conditions {
  const { needs, required, idempotent, throttle } = step;
  return {
    needs,
    required,
    idempotent,
    throttle,
    window: step.window ?? null,
    maxTimeMs: step.maxTime ?? null,
    maxLoad: step.maxLoad ?? null,
    undo: step.undo ?? null,
  };
}

/** Null where the schema has said already that there is none. */
export function workOf(step: z.output<typeof fileSchema>): StepWork | null {
  if (step.update !== undefined) return { kind: "update", ...step.update };
  if (step.batches !== undefined) return { kind: "batches", ...step.batches };
  if (step.command !== undefined) return { kind: "command", command: step.command };
  if (step.http !== undefined) {
    const { timeout, body, ...request } = step.http;
    return { kind: "http", ...request, body: body ?? null, timeoutMs: timeout };
  }
  if (step.wait?.query !== undefined)
    return { kind: "wait", until: { kind: "query", sql: step.wait.query, everyMs: step.wait.every } };
  if (step.wait?.until !== undefined) return { kind: "wait", until: { kind: "time", at: Date.parse(step.wait.until) } };
  if (step.wait?.approval !== undefined) return { kind: "wait", until: { kind: "approval", text: step.wait.approval } };
  return null;
}
