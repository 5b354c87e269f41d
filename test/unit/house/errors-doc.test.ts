import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ERRORS_DOC, renderErrorsDoc } from "../../../scripts/errors-doc.ts";
import { ERROR_CODES } from "../../../src/base/error-codes.ts";

test("docs/errors.md is what `node scripts/errors-doc.ts` writes", () => {
  expect(readFileSync(ERRORS_DOC, "utf8")).toBe(renderErrorsDoc());
});

test("every error code has exactly one row", () => {
  const rows = [...renderErrorsDoc().matchAll(/^\| `(ERR_\w+)` \| /gm)].map((match) => match[1]);
  expect(rows.toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
});
