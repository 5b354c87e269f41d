import { describe, expect, test } from "vitest";
import type { PlanReport } from "../../../src/api/database.ts";
import { findingsOf, githubAnnotations, sarif } from "../../../src/cli/render/findings.ts";
import { NO_PROFILE, type LintProfile } from "../../../src/config/lint-profile.ts";

const AT = { place: "0001_a.sql:3", path: "migrations/0001_a.sql", line: 3, tables: ["public.users"] };
const REPORT: PlanReport = {
  app: "shop",
  release: "r2",
  overlay: null,
  migrations: [],
  steps: [],
  refusals: [{ ...AT, rule: "set-not-null", why: "50% may be null", write: ["-- hitless: up users.mail = ''"] }],
  notices: [
    { ...AT, rule: "foreign-key-index", line: 7, tables: ["public.orders", "public.users"], text: "no index" },
    { rule: "select-star", place: "f.sql:1", path: "procedures/f.sql", line: 1, tables: [], text: "SELECT *" },
    { rule: "seen-through-view", place: "", path: "", line: 1, tables: [], text: "users is a view" },
  ],
  trial: { on: null, gaps: [], proof: [], routines: null },
  missing: [],
};
const judged = (profile: Partial<LintProfile>): string[] =>
  findingsOf(REPORT, { ...NO_PROFILE, ...profile }).map(({ rule, severity }) => `${rule}: ${severity}`);

describe("what a profile makes of findings", () => {
  test("refusals are errors and notices are notices, until it says otherwise", () => {
    const usual = ["set-not-null: error", "foreign-key-index: notice", "select-star: notice", "seen-through-view: notice"];
    expect(judged({})).toEqual(usual);
    const rules = { "set-not-null": "warning", "foreign-key-index": "error", "select-star": "off" } as const;
    expect(judged({ rules })).toEqual(["set-not-null: warning", "foreign-key-index: error", "seen-through-view: notice"]);
  });

  test("an exception is for its rules, its files and statements about its tables alone", () => {
    const except = (rule: string, where: { paths?: string[]; tables?: string[] }): boolean => {
      const all = judged({});
      const left = judged({ exceptions: [{ rules: [rule], paths: [], tables: [], ...where }] });
      expect(all.filter((one) => !left.includes(one)).every((one) => one.startsWith(`${rule}:`))).toBe(true);
      return left.length < all.length;
    };
    expect(except("set-not-null", { paths: ["migrations/0001_*.sql"] })).toBe(true);
    expect(except("set-not-null", { paths: ["procedures/"] })).toBe(false);
    expect(except("set-not-null", { tables: ["users"] })).toBe(true);
    expect(except("set-not-null", { tables: ["audit.users"] })).toBe(false);
    expect(except("foreign-key-index", { tables: ["users"] })).toBe(false);
    expect(except("foreign-key-index", { tables: ["public.orders"], paths: ["migrations"] })).toBe(true);
    expect(except("seen-through-view", { tables: ["users"] })).toBe(false);
  });
});

test("SARIF has notices beside errors, each with its file where it has one", () => {
  expect(sarif(findingsOf(REPORT))).toMatchObject({
    runs: [
      {
        results: [
          { ruleId: "set-not-null", level: "error", locations: [{ physicalLocation: { region: { startLine: 3 } } }] },
          { level: "note", message: { text: "no index" } },
          { locations: [{ physicalLocation: { artifactLocation: { uri: "procedures/f.sql" } } }] },
          { ruleId: "seen-through-view" },
        ],
      },
    ],
  });
});

test("GitHub's annotations have notices beside errors", () => {
  const [error, notice, , nowhere] = githubAnnotations(findingsOf(REPORT));
  expect(error).toBe(
    "::error file=migrations/0001_a.sql,line=3,title=set-not-null::50%25 may be null%0AWrite instead:%0A-- hitless: up users.mail = ''",
  );
  expect(notice).toBe("::notice file=migrations/0001_a.sql,line=7,title=foreign-key-index::no index");
  expect(nowhere).toBe("::notice title=seen-through-view::users is a view");
});
