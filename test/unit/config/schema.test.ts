import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configJsonSchema } from "../../../src/config/schema.ts";

test("the JSON Schema for editors is that of the code; `node scripts/schema.ts` makes it", () => {
  const kept = JSON.parse(
    readFileSync(new URL("../../../schema/hitless.config.schema.json", import.meta.url), "utf8"),
  ) as unknown;
  expect(kept).toEqual(JSON.parse(JSON.stringify(configJsonSchema())));
});
