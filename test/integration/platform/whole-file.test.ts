import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeWhole, writeWholeSync } from "../../../src/platform/whole-file.ts";
import { temporaryDirectory } from "../../support/temp.ts";

describe.each([
  ["writeWhole", writeWhole],
  [
    "writeWholeSync",
    (path: string, content: string) =>
      Promise.resolve().then(() => {
        writeWholeSync(path, content);
      }),
  ],
])("%s", (_name, write) => {
  test("puts the new content in the place of the old, for the owner alone", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "key");
    writeFileSync(path, "a much longer content than the new one", { mode: 0o644 });
    await write(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(["key"]);
  });

  test("leaves what was there, and nothing beside it, when it fails", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "taken");
    mkdirSync(join(path, "by"), { recursive: true });
    await expect(write(path, "new")).rejects.toThrow();
    expect(readdirSync(directory)).toEqual(["taken"]);
  });
});
