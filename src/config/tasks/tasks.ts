import { z } from "zod";
import type { TasksSpec } from "../../core/app-spec.ts";
import { DEFAULT_COMPARE_RULES, WATCH_RULES } from "../../core/judging/rules.ts";
import {
  HOOKS,
  type CompareTask,
  type HookName,
  type MirrorTask,
  type PrometheusTask,
  type Task,
  type WatchTask,
} from "../../core/task.ts";
import { duration } from "../units.ts";
import { journey, journeyOf, stateless, statelessOf } from "./journeys.ts";
import { command, count, factor, percentage, TASK_MAX_MS, taskName, timeout } from "./parts.ts";

const HOOK_MS = 600_000;
const hook = z.union([
  command.transform((line) => ({ command: line, timeout: HOOK_MS })),
  z.strictObject({ command, timeout: timeout(HOOK_MS) }),
]);

const named = { name: taskName.optional().describe("What it is called in notes and reports.") };

const commandCheck = z
  .strictObject({ command, ...named, timeout: timeout(300_000) })
  .describe("Exit code 0 passes, 75 is not enough data, everything else fails.");

const mirror = z
  .strictObject({
    mirror: percentage.describe("The share of live GET requests that the new release gets too; clients see nothing of it."),
    ...named,
    for: duration(1_000, TASK_MAX_MS).default(60_000),
    minRequests: count().default(50).describe("Fewer are not enough data."),
    mismatches: percentage.default(1).describe("So many answers may differ in status (and body)."),
    slowdown: factor.nullable().default(null).describe("The new p99 may be so many times the old one. Default: not compared."),
    body: z.boolean({ error: "expected true or false" }).default(false).describe("Bodies are compared too."),
  })
  .describe("The answers of both releases to the same requests are compared.");

const URL_TEXT = 'expected an address such as "http://127.0.0.1:9090", or "env:NAME"';
const prometheus = z
  .strictObject({
    prometheus: z
      .string({ error: URL_TEXT })
      .refine((value) => /^(?:https?:\/\/|env:[A-Za-z_]\w*$)/.test(value), { error: URL_TEXT })
      .describe('Of the server; "env:NAME" takes it from the environment of the release.'),
    query: z.string({ error: "expected a query" }).min(1, { error: "expected a query" }),
    ...named,
    min: z.number({ error: "expected a number" }).optional(),
    max: z.number({ error: "expected a number" }).optional(),
    for: duration(0, TASK_MAX_MS).default(60_000),
    every: duration(100, TASK_MAX_MS).default(5_000),
    failures: count(1_000).default(2).describe("So many values in a row out of bounds fail."),
    timeout: timeout(5_000),
  })
  .refine(({ min, max }) => min !== undefined || max !== undefined, { error: "expected `min`, `max` or both", path: ["min"] })
  .describe("The value of a query must stay within bounds.");

const compare = z
  .strictObject({
    compare: z.literal("releases", { error: 'expected "releases"' }),
    for: duration(1_000, TASK_MAX_MS).default(60_000),
    every: duration(100, TASK_MAX_MS).default(1_000),
    minRequests: count().default(DEFAULT_COMPARE_RULES.minRequests).describe("Of each release; fewer are not enough data."),
    errors: percentage
      .default(DEFAULT_COMPARE_RULES.errorMargin * 100)
      .describe("So much higher the share of failed requests may be."),
    slowdown: factor
      .nullable()
      .default(DEFAULT_COMPARE_RULES.maxSlowdown)
      .describe("So many times the median and the p99 of the old release its own may be."),
  })
  .describe("The new release against the old one in the same time, by the proxy's own counters.");

const CHECK = 'expected a check such as { command: "npm test" }, with one of: command, journey, stateless, mirror, prometheus';
const check = oneOf({ command: commandCheck, journey, stateless, mirror, prometheus }, CHECK);
const GATE = 'expected a gate such as { compare: "releases" }, with one of: command, compare, prometheus';
const gate = oneOf({ command: commandCheck, compare, prometheus }, GATE);

const NO_DATA = 'expected "pause", "pass", "wait" or { wait: "30m" }';
const DEFAULT_PATIENCE_MS = 1_800_000;

/** Keys of the configuration that say what is done and judged in a deployment. */
export const taskKeys = {
  hooks: z
    .strictObject(
      Object.fromEntries(HOOKS.map((name) => [name, hook.optional()])) as Record<HookName, z.ZodOptional<typeof hook>>,
    )
    .prefault({})
    .describe("Commands that are run once in each deployment, in the release's directory with its environment."),
  checks: z
    .array(check, { error: `expected a list: ${CHECK}` })
    .max(100)
    .default([])
    .describe("What a release must pass before it gets requests; all of them at once. Not by `rolling`."),
  gates: z
    .array(gate, { error: `expected a list: ${GATE}` })
    .max(100)
    .optional()
    .describe(
      "What must pass while the release gets requests, before it gets more and before it is promoted. Default: a gate that compares errors with the old release's; []: none.",
    ),
  onNotEnoughData: z
    .union([z.enum(["pause", "pass", "wait"]), z.strictObject({ wait: duration(1_000, TASK_MAX_MS) })], { error: NO_DATA })
    .default("pause")
    .describe(
      "A verdict of too little data pauses the deployment until an operator decides, is taken as passed, or is waited for (30m, or as long as is said; then it pauses).",
    ),
};

type Keys = { readonly [K in keyof typeof taskKeys]: z.output<(typeof taskKeys)[K]> };
type Parsed = Omit<Keys, "gates"> & { readonly gates?: Keys["gates"] };

/** Where nothing is said of gates. */
const WATCH: WatchTask = { kind: "watch", everyMs: 1_000, rules: WATCH_RULES };

/** Undefined: nothing is done or judged. */
export function tasksOf({ hooks, checks, gates, onNotEnoughData }: Parsed): TasksSpec | undefined {
  const named = Object.entries(hooks).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, hookOf(name as HookName, value)] as const],
  );
  if (gates?.length === 0 && named.length + checks.length === 0) return undefined;
  return {
    hooks: Object.fromEntries(named),
    checks: checks.map(taskOf),
    gates: (gates ?? []).map(taskOf),
    ...(gates === undefined ? { watch: WATCH } : {}),
    ...policyOf(onNotEnoughData),
  };
}

function policyOf(policy: Parsed["onNotEnoughData"]): Pick<TasksSpec, "onNotEnoughData" | "patienceMs"> {
  if (policy === "pause") return {};
  if (policy === "pass") return { onNotEnoughData: policy };
  return { onNotEnoughData: "wait", patienceMs: policy === "wait" ? DEFAULT_PATIENCE_MS : policy.wait };
}

function hookOf(name: HookName, { command: line, timeout: timeoutMs }: z.output<typeof hook>): Extract<Task, { kind: "hook" }> {
  return { kind: "hook", hook: name, command: line, timeoutMs };
}

function taskOf(parsed: z.output<typeof check> | z.output<typeof gate>): Task {
  if ("journey" in parsed) return journeyOf(parsed);
  if ("stateless" in parsed) return statelessOf(parsed);
  if ("mirror" in parsed) return mirrorOf(parsed);
  if ("prometheus" in parsed) return prometheusOf(parsed);
  if ("compare" in parsed) return compareOf(parsed);
  const { command: line, name, timeout: timeoutMs } = parsed;
  return { kind: "command", name: name ?? (typeof line === "string" ? line : line.join(" ")), command: line, timeoutMs };
}

function mirrorOf(parsed: z.output<typeof mirror>): MirrorTask {
  const { mirror: percent, name = "of live requests", for: forMs, minRequests, mismatches, slowdown, body } = parsed;
  return {
    kind: "mirror",
    name,
    percent,
    forMs,
    minRequests,
    maxMismatchPercent: mismatches,
    compareBody: body,
    maxSlowdown: slowdown,
  };
}

function prometheusOf(parsed: z.output<typeof prometheus>): PrometheusTask {
  const { prometheus: url, query, name = query, min, max, for: forMs, every: everyMs, failures, timeout: timeoutMs } = parsed;
  const pass = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  return { kind: "prometheus", name, url, query, pass, everyMs, forMs, failures, timeoutMs };
}

function compareOf({ for: forMs, every: everyMs, minRequests, errors, slowdown }: z.output<typeof compare>): CompareTask {
  const rules = { ...DEFAULT_COMPARE_RULES, minRequests, errorMargin: errors / 100, maxSlowdown: slowdown };
  return { kind: "compare", forMs, everyMs, rules };
}

/** One of several kinds, told apart by the key that each of them has alone: so that problems are those of the kind that is meant. */
function oneOf<const S extends Readonly<Record<string, z.ZodType>>>(kinds: S, expected: string) {
  const options = Object.values(kinds) as unknown as [S[keyof S], ...S[keyof S][]];
  return z.union(options, {
    error: ({ input }) => (isRecord(input) && Object.keys(kinds).some((key) => key in input) ? undefined : expected),
  });
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
