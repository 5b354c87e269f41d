import { expect, test } from "vitest";
import { HitlessError } from "../../../../src/base/error.ts";
import type { StepDefinition, StepWork } from "../../../../src/core/preparation/step-definition.ts";
import type { Catalog } from "../../../../src/database/catalog.ts";
import { askedOf, refuseMissing } from "../../../../src/engine/preparation/known-columns.ts";
import { step } from "../../../support/steps.ts";

const columns = ["id", "name"].map((name) => ({ name }));
const catalog = { schema: "public", tables: [{ schema: "public", name: "users", columns }] } as unknown as Catalog;

function update(name: string, set: string, needs: readonly string[] = [], table = "users"): StepDefinition {
  return step(name, { needs, work: { kind: "update", table, set, where: "true" } });
}

/** `over`: a step that is done. */
function told(steps: readonly StepDefinition[], over?: string): readonly string[] {
  try {
    refuseMissing(
      askedOf(steps, ({ name }) => name === over),
      catalog,
    );
    return [];
  } catch (error) {
    if (!(error instanceof HitlessError) || error.code !== "ERR_STEPS_INVALID") throw error;
    return error.failure.details ?? [];
  }
}

test("tables and columns that are not there are told, all at once, unless something before may make them", () => {
  const sql: StepWork = { kind: "sql", sql: "ALTER TABLE users ADD c int", alone: false };
  const steps = [
    update("0001-fine", `NAME = 'a, b = 1', "name" = 2, (id, name[1]) = (SELECT 1, 2)`),
    update("0002-column", "name = 1, nam = 2"),
    update("0003-table", "a = 1", [], "shop.users"),
    update("0004-brought", "brought = 1", ["0005-after"]),
    update("0005-after", "brought = 2", ["expand"]),
    step("0006-sql", { work: sql }),
    update("0007-made", "c = 1"),
  ];
  const column = "deploy/steps/0002-column.yaml:1: users has no column nam; where the migrations bring it, say `needs: [expand]`";
  const table =
    "deploy/steps/0003-table.yaml:1: there is no table shop.users; where the migrations bring it, say `needs: [expand]`";
  expect(told(steps)).toEqual([column, table]);
  expect(told(steps, "0002-column")).toEqual([table]);
});
