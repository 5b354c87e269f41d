import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { HitlessError } from "../base/error.ts";
import { RULE_IDS } from "../database/rules/rule-ids.ts";
import { readConfigFile } from "./config-file.ts";
import { describeProblems } from "./problems.ts";

export const SEVERITIES = ["off", "notice", "warning", "error"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** How a team judges what `hitless db lint` finds. */
export interface LintProfile {
  /** By rule; a rule that is not named is what the planner makes of it: an error or a notice. */
  readonly rules: Readonly<Record<string, Severity | undefined>>;
  readonly exceptions: readonly LintException[];
}

/** Rules that do not count for some files, or for statements about some tables. */
export interface LintException {
  readonly rules: readonly string[];
  /** As in .gitignore, from the release's own directory; none: everywhere. */
  readonly paths: readonly string[];
  /** With or without their schema; none: all. */
  readonly tables: readonly string[];
}

export const NO_PROFILE: LintProfile = { rules: {}, exceptions: [] };

const PROFILE_NAMES = ["hitless.lint.yaml", "hitless.lint.yml", "hitless.lint.json"];

const RULE = "expected the name of a rule";
const rule = z.enum(RULE_IDS, { error: RULE });
const severity = z.enum(SEVERITIES, { error: `expected one of ${SEVERITIES.join(", ")}` });
const texts = (what: string) =>
  z.array(z.string({ error: what }).min(1, what), { error: `expected a list: ${what}` }).default([]);

const rules = z.strictObject(Object.fromEntries(RULE_IDS.map((id) => [id, severity.optional()])));

const exception = z
  .strictObject({
    rules: z.array(rule, { error: "expected a list of rules" }).min(1, "expected at least one rule"),
    paths: texts("expected a path such as migrations/0001_*.sql"),
    tables: texts("expected a table such as public.users"),
    because: z.string({ error: "expected the reason" }).min(1, "expected the reason"),
  })
  .refine(({ paths, tables }) => paths.length + tables.length > 0, { error: "expected paths, tables, or both" });

const profile = z.strictObject({
  rules: rules.default({}),
  exceptions: z.array(exception, { error: "expected a list of exceptions" }).default([]),
});

/** The file that the user names, or the one in the directory; none: no profile. @throws ERR_CONFIG_INVALID with every problem at once */
export async function loadLintProfile(directory: string, named: string | null): Promise<LintProfile> {
  const path = named === null ? await find(directory) : resolve(directory, named);
  if (path === null) return NO_PROFILE;
  const content = (await readConfigFile(path)) ?? {};
  const parsed = profile.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new HitlessError({
    code: "ERR_CONFIG_INVALID",
    what: `The lint profile ${path} has problems.`,
    next: `The rules are ${RULE_IDS.join(", ")}.`,
    details: describeProblems(parsed.error, content),
  });
}

async function find(directory: string): Promise<string | null> {
  for (const name of PROFILE_NAMES) {
    const path = join(directory, name);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return null;
}
