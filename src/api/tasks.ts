import { z } from "zod";
import type { TasksSpec } from "../core/app-spec.ts";
import type { CompareRules } from "../core/judging/rules.ts";
import { HOOKS, type Capture, type Expectations, type HookName, type JourneyRequest, type Task } from "../core/task.ts";

const ms = z
  .number()
  .int()
  .min(0)
  .max(7 * 86_400_000);
const name = z.string().min(1).max(10_000);
const command = z.union([z.string().min(1), z.array(z.string()).min(1)]);
const texts = z.record(z.string(), z.string());
const status = z.number().int().min(100).max(599);
const count = z.number().int().min(1);
const percent = z.number().min(0).max(100);

const captureSchema: z.ZodType<Capture> = z.discriminatedUnion("from", [
  z.strictObject({ from: z.literal("header"), name }),
  z.strictObject({ from: z.literal("json"), path: z.string() }),
  z.strictObject({ from: z.literal("cookie"), name }),
  z.strictObject({ from: z.literal("body"), pattern: z.string() }),
]);

const expectationsSchema: z.ZodType<Expectations> = z.strictObject({
  status: z.union([status, z.array(status).min(1)]).optional(),
  headers: z.record(z.string(), z.union([z.string(), z.literal(true)])).optional(),
  bodyContains: z.array(z.string()).optional(),
  json: z.record(z.string(), z.unknown()).optional(),
  maxMs: ms.optional(),
});

export const journeyRequestSchema: z.ZodType<JourneyRequest> = z.strictObject({
  method: z.string().regex(/^[A-Z]{2,20}$/),
  path: z.string().regex(/^\/\S*$/),
  headers: texts,
  body: z.string().nullable(),
  expect: expectationsSchema,
  capture: z.record(z.string(), captureSchema),
});

const hookSchema = z.strictObject({ kind: z.literal("hook"), hook: z.enum(HOOKS), command, timeoutMs: ms.min(100) });

const rulesSchema: z.ZodType<CompareRules> = z.strictObject({
  minRequests: count,
  alpha: z.number().gt(0).lt(1),
  errorMargin: z.number().min(0).max(1),
  maxSlowdown: z.number().min(1).nullable(),
  slowdownFloorMs: z.number().min(0),
});

/** What a client may ask for; notifications are the daemon's own. */
const taskSchema: z.ZodType<Task> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("command"), name, command, timeoutMs: ms.min(100) }),
  z.strictObject({
    kind: z.literal("journey"),
    name,
    requests: z.array(journeyRequestSchema).min(1).max(1_000),
    timeoutMs: ms.min(100),
  }),
  z.strictObject({
    kind: z.literal("stateless"),
    name,
    requests: z.array(journeyRequestSchema).min(2).max(1_000),
    timeoutMs: ms.min(100),
  }),
  z.strictObject({
    kind: z.literal("mirror"),
    name,
    percent,
    forMs: ms,
    minRequests: count,
    maxMismatchPercent: percent,
    compareBody: z.boolean(),
    maxSlowdown: z.number().min(1).nullable(),
  }),
  z.strictObject({
    kind: z.literal("compare"),
    forMs: ms,
    everyMs: ms.min(100),
    rules: rulesSchema,
  }),
  z.strictObject({
    kind: z.literal("prometheus"),
    name,
    url: z.string().min(1),
    query: z.string().min(1),
    pass: z.strictObject({ min: z.number().optional(), max: z.number().optional() }),
    everyMs: ms.min(100),
    forMs: ms,
    failures: count,
    timeoutMs: ms.min(100),
  }),
]);

export const tasksSchema: z.ZodType<TasksSpec> = z.strictObject({
  hooks: z
    .strictObject(
      Object.fromEntries(HOOKS.map((hook) => [hook, hookSchema.optional()])) as Record<
        HookName,
        z.ZodOptional<typeof hookSchema>
      >,
    )
    .optional(),
  checks: z.array(taskSchema).max(100).optional(),
  gates: z.array(taskSchema).max(100).optional(),
  watch: z.strictObject({ kind: z.literal("watch"), everyMs: ms.min(100), rules: rulesSchema }).optional(),
  onNotEnoughData: z.enum(["pause", "pass", "wait"]).optional(),
  patienceMs: ms.optional(),
});
