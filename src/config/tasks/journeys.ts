import { z } from "zod";
import { journeyProblems } from "../../core/journey.ts";
import type { Capture, JourneyRequest, JourneyTask, StatelessTask } from "../../core/task.ts";
import { duration } from "../units.ts";
import { taskName, timeout } from "./parts.ts";

const PATH = 'expected a path such as "/cart?item=1"';
const path = z.string({ error: PATH }).regex(/^\/\S*$/, { error: PATH });
const METHOD = "expected a method such as GET or POST";
const STATUS = "expected a status such as 200, or a list of them";
const status = z.int({ error: STATUS }).min(100, { error: STATUS }).max(599, { error: STATUS });
const TEXT = "expected text";
const text = z.string({ error: TEXT });
const FIELD = "expected the name of a field";
const fieldName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, { error: FIELD });

const CAPTURE = 'expected { json: "user.id" }, { header: "location" }, { cookie: "session" } or { body: "token=(\\\\w+)" }';
const pattern = text.refine(isPattern, { error: "expected a regular expression with one group, such as token=(\\w+)" });
const capture = z
  .union(
    [
      z.strictObject({ json: text }),
      z.strictObject({ header: fieldName }),
      z.strictObject({ cookie: fieldName }),
      z.strictObject({ body: pattern }),
    ],
    { error: CAPTURE },
  )
  .transform((value): Capture => {
    if ("json" in value) return { from: "json", path: value.json };
    if ("header" in value) return { from: "header", name: value.header.toLowerCase() };
    return "cookie" in value ? { from: "cookie", name: value.cookie } : { from: "body", pattern: value.body };
  });

const expectations = z.strictObject({
  status: z
    .union([status, z.array(status).min(1, { error: STATUS })], { error: STATUS })
    .optional()
    .describe("Default: any from 200 to 399."),
  headers: z
    .record(fieldName, z.union([text, z.literal(true)], { error: "expected text, or true for any value" }))
    .optional()
    .describe("Fields that must be there; a text must be contained in the value."),
  contains: z
    .union([text.transform((one) => [one]), z.array(text)], { error: "expected text, or a list of texts" })
    .optional()
    .describe("What the body must contain."),
  json: z.record(z.string(), z.json()).optional().describe('Values of a JSON body, by path such as "items[0].price".'),
  within: duration(1, 600_000).optional().describe("How long the answer may take."),
});

const request = z
  .strictObject({
    method: z
      .string({ error: METHOD })
      .regex(/^[A-Z]{2,20}$/, { error: METHOD })
      .default("GET"),
    path,
    headers: z.record(fieldName, text).default({}),
    body: text.optional(),
    json: z.json().optional().describe("A body that is sent as JSON."),
    expect: expectations.prefault({}),
    capture: z
      .record(z.string().regex(/^\w+$/, { error: "expected a name of letters, digits and underscores" }), capture)
      .default({})
      .describe("What later requests may use as `${name}`."),
  })
  .refine(({ body, json }) => body === undefined || json === undefined, {
    error: "expected `body` or `json`, not both",
    path: ["json"],
  });

/** `given`: variables that are there from the start. */
const requestList = (min: number, given: readonly string[]) =>
  z
    .array(request, { error: "expected a list of requests" })
    .min(min, { error: min === 1 ? "expected at least one request" : `expected at least ${String(min)} requests` })
    .max(1_000)
    .superRefine((requests, context) => {
      for (const { index, problem } of journeyProblems(requests.map(requestOf), given))
        context.addIssue({ code: "custom", path: [index], message: `expected ${problem}` });
    });

/** Requests through the preview route, one after the other. */
export const journey = z
  .strictObject({
    journey: taskName.describe("Its name."),
    requests: requestList(1, []),
    timeout: timeout(60_000),
  })
  .describe("Requests to the new release before it is active, each with what is expected of the answer.");

export function journeyOf({ journey: name, requests, timeout: timeoutMs }: z.output<typeof journey>): JourneyTask {
  return { kind: "journey", name, requests: requests.map(requestOf), timeoutMs };
}

/** Requests over the instances of a release. */
export const stateless = z
  .strictObject({
    stateless: taskName.describe("The name of the journey."),
    requests: requestList(2, ["run"]).describe("`${run}` is another word in every walk."),
    timeout: timeout(120_000),
  })
  .describe("Any instance of the new release must serve any request of a journey.");

export function statelessOf({ stateless: name, requests, timeout: timeoutMs }: z.output<typeof stateless>): StatelessTask {
  return { kind: "stateless", name, requests: requests.map(requestOf), timeoutMs };
}

function requestOf({
  method,
  path: target,
  headers,
  body,
  json,
  expect,
  capture: captures,
}: z.output<typeof request>): JourneyRequest {
  const { within, contains, ...rest } = expect;
  const type = json === undefined || Object.keys(headers).some((name) => name.toLowerCase() === "content-type") ? {} : JSON_TYPE;
  return {
    method,
    path: target,
    headers: { ...type, ...headers },
    body: json === undefined ? (body ?? null) : JSON.stringify(json),
    expect: {
      ...rest,
      ...(contains === undefined ? {} : { bodyContains: contains }),
      ...(within === undefined ? {} : { maxMs: within }),
    },
    capture: captures,
  };
}

const JSON_TYPE = { "content-type": "application/json" };

function isPattern(source: string): boolean {
  try {
    return (new RegExp(`${source}|`).exec("")?.length ?? 0) === 2;
  } catch {
    return false;
  }
}
