import { expect, test } from "vitest";
import { succeeds } from "../../../scripts/bounded-program.ts";

const node = (code: string, limitMs = 60_000): Promise<boolean> =>
  succeeds(process.execPath, ["-e", code], { limitMs, output: "together" });

test("a program succeeds when it ends with 0, and not with another number, nor when there is none", async () => {
  expect(await node("")).toBe(true);
  expect(await node("process.exitCode = 3")).toBe(false);
  expect(await succeeds("no-such-program", [], { limitMs: 60_000, output: "together" })).toBe(false);
});

test("a program that hangs is ended at its limit with those that it started", async () => {
  const hanging = "setInterval(() => undefined, 1_000)";
  const starting = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(hanging)}], { stdio: "inherit" });`;
  // Its output is closed only when the other one is gone as well.
  expect(await node(`${starting}${hanging}`, 2_000)).toBe(false);
});
