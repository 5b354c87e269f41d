import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HitlessError } from "../../../src/base/error.ts";
import { loadLintProfile, NO_PROFILE } from "../../../src/config/lint-profile.ts";
import { temporaryDirectory } from "../../support/temp.ts";

const profileOf = async (yaml: string): Promise<unknown> => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "hitless.lint.yaml"), yaml);
  return loadLintProfile(directory, null).catch((error: unknown) => (error instanceof HitlessError ? error.failure : error));
};

test("a profile says what counts how, and where it does not; without one everything is as usual", async () => {
  const yaml = `
rules: { foreign-key-index: error, dynamic-sql: off }
exceptions:
  - { rules: [select-star], paths: [legacy/**], tables: [public.audit], because: nobody calls them }`;
  expect(await profileOf(yaml)).toMatchObject({
    rules: { "foreign-key-index": "error", "dynamic-sql": "off" },
    exceptions: [{ rules: ["select-star"], paths: ["legacy/**"], tables: ["public.audit"] }],
  });
  expect(await profileOf("# nothing yet")).toEqual(NO_PROFILE);
  expect(await loadLintProfile(temporaryDirectory(), null)).toEqual(NO_PROFILE);
});

test("everything in it that nobody knows is refused at once, each with its place", async () => {
  const yaml = `
rules: { forein-key: error, cascade: fatal }
rulez: {}
exceptions:
  - { rules: [select-stars], because: x, paths: [a] }
  - { rules: [select-star], because: y }
  - { rules: [rename], table: [t] }`;
  expect(await profileOf(yaml)).toMatchObject({
    code: "ERR_CONFIG_INVALID",
    next: expect.stringContaining("foreign-key-index") as string,
    details: [
      'rules.cascade: found "fatal", expected one of off, notice, warning, error',
      "rules.forein-key: there is no such key here",
      'exceptions[0].rules[0]: found "select-stars", expected the name of a rule',
      'exceptions[1]: found {"rules":["select-star"],"because":"y"}, expected paths, tables, or both',
      "exceptions[2].because: is missing, expected the reason",
      "exceptions[2].table: there is no such key here",
      "rulez: there is no such key here",
    ],
  });
});
