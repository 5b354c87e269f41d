import { describe, expect, test } from "vitest";
import { tasksSchema } from "../../../src/api/tasks.ts";
import { HitlessError } from "../../../src/base/error.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { referenceProblems } from "../../../src/config/tasks/references.ts";
import { tasksOf } from "../../../src/config/tasks/tasks.ts";
import type { TasksSpec } from "../../../src/core/app-spec.ts";
import { DEFAULT_COMPARE_RULES, WATCH_RULES } from "../../../src/core/judging/rules.ts";

const MINIMAL = {
  app: "shop",
  listen: 8080,
  processes: { web: { command: "node server.js" } },
  rollout: { strategy: "blue-green" },
};

function tasks(keys: object): TasksSpec | undefined {
  return tasksOf(parseConfig({ ...MINIMAL, ...keys }, "hitless.config.json"));
}

function problems(keys: object): readonly string[] {
  try {
    tasks(keys);
  } catch (error) {
    if (error instanceof HitlessError) return error.failure.details ?? [];
    throw error;
  }
  return [];
}

const EVERYTHING = {
  hooks: { "before-deploy": "npm run migrate", "on-failure": { command: ["./tell", "failed"], timeout: "30s" } },
  checks: [
    { command: "npm run smoke", name: "smoke", timeout: "1m" },
    {
      journey: "buys",
      requests: [
        { path: "/login", method: "POST", json: { user: "a" }, capture: { token: { json: "token" } } },
        {
          path: "/cart/${token}",
          expect: { status: [200, 304], contains: "total", headers: { etag: true }, json: { "items[0].n": 1 }, within: "2s" },
        },
      ],
    },
    { mirror: "20%", for: "2m", mismatches: "0.5%", body: true, slowdown: 2 },
  ],
  gates: [
    { compare: "releases", for: "5m", errors: "1%", slowdown: 2 },
    { prometheus: "env:PROM_URL", query: "errors", max: 0.01, name: "errors" },
  ],
  onNotEnoughData: "pass",
};

test("the default gate watches unless the file says something of gates; an empty list turns judging off", () => {
  expect(tasks({})).toEqual({
    hooks: {},
    checks: [],
    gates: [],
    watch: { kind: "watch", everyMs: 1_000, rules: WATCH_RULES },
  });
  expect(tasksSchema.parse(tasks({}))).toEqual(tasks({}));
  expect(tasks({ gates: [] })).toBeUndefined();
  expect(tasks({ gates: [{ compare: "releases" }] })).not.toHaveProperty("watch");
});

test("too little data can be waited for, for as long as is said", () => {
  const gates = [{ compare: "releases" }];
  expect(tasks({ gates, onNotEnoughData: "wait" })).toMatchObject({ onNotEnoughData: "wait", patienceMs: 1_800_000 });
  expect(tasks({ gates, onNotEnoughData: { wait: "5m" } })).toMatchObject({ onNotEnoughData: "wait", patienceMs: 300_000 });
  expect(problems({ gates, onNotEnoughData: { wait: "soon" } })).toHaveLength(1);
  expect(tasksSchema.parse(tasks({ gates, onNotEnoughData: "wait" }))).toEqual(tasks({ gates, onNotEnoughData: "wait" }));
});

test("everything that can be said comes to tasks that the daemon accepts", () => {
  const said = tasks(EVERYTHING);
  expect(said).toEqual({
    hooks: {
      "before-deploy": { kind: "hook", hook: "before-deploy", command: "npm run migrate", timeoutMs: 600_000 },
      "on-failure": { kind: "hook", hook: "on-failure", command: ["./tell", "failed"], timeoutMs: 30_000 },
    },
    checks: [
      { kind: "command", name: "smoke", command: "npm run smoke", timeoutMs: 60_000 },
      {
        kind: "journey",
        name: "buys",
        timeoutMs: 60_000,
        requests: [
          {
            method: "POST",
            path: "/login",
            headers: { "content-type": "application/json" },
            body: '{"user":"a"}',
            expect: {},
            capture: { token: { from: "json", path: "token" } },
          },
          {
            method: "GET",
            path: "/cart/${token}",
            headers: {},
            body: null,
            expect: {
              status: [200, 304],
              headers: { etag: true },
              bodyContains: ["total"],
              json: { "items[0].n": 1 },
              maxMs: 2_000,
            },
            capture: {},
          },
        ],
      },
      {
        kind: "mirror",
        name: "of live requests",
        percent: 20,
        forMs: 120_000,
        minRequests: 50,
        maxMismatchPercent: 0.5,
        compareBody: true,
        maxSlowdown: 2,
      },
    ],
    gates: [
      {
        kind: "compare",
        forMs: 300_000,
        everyMs: 1_000,
        rules: { ...DEFAULT_COMPARE_RULES, errorMargin: 0.01, maxSlowdown: 2 },
      },
      {
        kind: "prometheus",
        name: "errors",
        url: "env:PROM_URL",
        query: "errors",
        pass: { max: 0.01 },
        everyMs: 5_000,
        forMs: 60_000,
        failures: 2,
        timeoutMs: 5_000,
      },
    ],
    onNotEnoughData: "pass",
  });
  expect(tasksSchema.parse(JSON.parse(JSON.stringify(said)))).toEqual(said);
});

test("every problem is told at once, with the words of the kind that is meant", () => {
  expect(
    problems({
      hooks: { "before-deploy": "", "after-lunch": "true" },
      checks: [
        { command: "x", timout: 1 },
        { nothing: true },
        "npm test",
        { journey: "j", requests: [{ path: "cart" }] },
        { mirror: 20 },
        { journey: "k", requests: [{ path: "/${x}" }] },
      ],
      gates: [
        { prometheus: "http://p", query: 5, max: 1 },
        { prometheus: "p:9090", query: "x", max: 1 },
        { compare: "releases", slowdown: 0.5 },
      ],
    }),
  ).toEqual([
    expect.stringMatching(/^hooks\.before-deploy: found "", expected a command line/),
    "hooks.after-lunch: there is no such key here",
    "checks[0].timout: there is no such key here",
    expect.stringMatching(/^checks\[1\]: found \{"nothing":true\}, expected a check such as/),
    expect.stringMatching(/^checks\[2\]: found "npm test", expected a check such as/),
    expect.stringMatching(/^checks\[3\]\.requests\[0\]\.path: found "cart", expected a path/),
    expect.stringMatching(/^checks\[4\]\.mirror: found 20, expected a share/),
    expect.stringMatching(/^checks\[5\]\.requests\[0\]: .*expected an earlier request that captures \$\{x\}/),
    expect.stringMatching(/^gates\[0\]\.query: found 5, expected a query/),
    expect.stringMatching(/^gates\[1\]\.prometheus: found "p:9090", expected an address/),
    expect.stringMatching(/^gates\[2\]\.slowdown: found 0\.5, expected a factor/),
  ]);
});

test("bounds that let everything pass are no bounds", () => {
  expect(problems({ gates: [{ prometheus: "http://p", query: "x" }] })).toEqual([
    expect.stringMatching(/^gates\[0\]\.min: is missing, expected `min`, `max` or both/),
  ]);
});

describe("checks that would never be run are refused", () => {
  const checks = [{ command: "npm test" }];
  test.each([
    [{ strategy: "rolling" }, "a rolling deployment has no preview"],
    [{ strategy: "canary", steps: [{ weight: 10 }] }, "expected a step of weight 0"],
  ])("with %j", (rollout, why) => {
    expect(problems({ checks, rollout })).toEqual([expect.stringContaining(why)]);
  });

  test("but not where a release can be previewed", () => {
    expect(problems({ checks, rollout: { strategy: "canary", steps: [{ weight: 0 }, { weight: 50 }] } })).toEqual([]);
  });
});

test("an address that comes from the environment must be there", () => {
  const spec = tasks({ gates: EVERYTHING.gates });
  expect(referenceProblems(spec, { web: { OTHER: "x" } })).toEqual([
    'gates[1].prometheus: found "env:PROM_URL", but the release has no variable PROM_URL in its environment',
  ]);
  expect(referenceProblems(spec, { web: { PROM_URL: "http://p" } })).toEqual([]);
});
