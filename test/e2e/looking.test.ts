import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { sharedScene } from "../support/scene.ts";

describe("asked for what is not there", () => {
  const shop = sharedScene(async (scene) => {
    const app = await scene.app("shop");
    await app.deploy();
    return app;
  });

  test.each([
    [["rollback", "r9"], 2, ["There is no release r9", "Kept are r1"]],
    [["rollback"], 2, ["no earlier release", "hitless releases"]],
    [["report", "d9"], 2, ["shop has no deployment d9", "The latest are d1", "hitless history"]],
    [["logs", "web.r9.9"], 2, ["shop has no log of web.r9.9", "There are logs of web.r1.", "hitless status"]],
    [["status", "--app", "nobody"], 2, ["knows no app nobody", "It knows shop"]],
    [["scale", "worker=2"], 2, ["no process type worker", "It has web"]],
    [["scale", "web=many"], 2, ["web=many is not valid", "such as web=6"]],
    [["abort"], 2, ["No deployment is running", "hitless history"]],
    [["deploy", "--strategy", "hope"], 2, ["no strategy hope", "There is rolling"]],
    [["deploy", "--batch", "0"], 2, ["--batch 0 is not valid", "25%"]],
    [["frobnicate"], 2, ["unknown command 'frobnicate'"]],
  ])("hitless %j ends with %i and says what there is", async (args, code, words) => {
    const result = await shop().run(args);
    expect(result.code, result.err).toBe(code);
    for (const word of words) expect(result.err).toContain(word);
    expect(result.out).toBe("");
  });
});

test("nobody reads on, as in `hitless --help | head -1`: it ends as programs do then, without a word", async () => {
  const hitless = spawn(process.execPath, [fileURLToPath(new URL("../../bin/hitless.cjs", import.meta.url)), "--help"]);
  hitless.stdout.destroy();
  const [err] = await Promise.all([text(hitless.stderr), once(hitless, "close")]);
  expect({ code: hitless.exitCode, err }).toEqual({ code: 141, err: "" });
});
