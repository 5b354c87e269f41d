import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sharedScene } from "../support/scene.ts";
import { expectStanding } from "../support/standing.ts";
import { until } from "../support/temp.ts";

const shop = sharedScene((scene) => scene.app("shop"));

test("what went back because of something else is deployed again as it was, also by another daemon; what a verdict keeps is judged again", async () => {
  const app = shop();
  await app.deploy();
  const [back, open] = [join(app.scene.root, "back"), join(app.scene.root, "open")];
  const env = { MESSAGE: "two" };
  app.configure({ env }, { gates: [{ command: ["test", "-e", back] }, { command: `test -e ${open} || exit 75` }] });
  expect((await app.run(["deploy"])).code).toBe(6);
  await expectStanding(app, "r1", 2);
  // Neither the directory nor the daemon is needed for it.
  app.configure({ env: { MESSAGE: "three" } });
  process.kill((await app.scene.client.info()).pid, "SIGKILL");
  expect((await app.scene.run(["up"])).code).toBe(0);
  expect((await app.run(["status"])).out).toContain("r2 went back; `hitless rollout retry` deploys it again");
  writeFileSync(back, "");
  const retry = app.begin(["rollout", "retry"]);
  await until(async () => (await app.status()).deployment?.awaits?.what === "resumption");
  writeFileSync(open, "");
  const judged = await app.run(["rollout", "retry"]);
  expect(judged).toMatchObject({ code: 0, out: "d3 judges again; follow it with `hitless status --watch`\n" });
  const { code, out, err } = await retry.ended();
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("d3 is done");
  expect(await app.ask()).toMatchObject({ release: "r2", message: "two" });
  await expectStanding(app, "r2", 2);
  expect((await app.run(["report", "d3"])).out).toContain("not enough data, tried again");
  expect(await app.run(["rollout", "retry"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("ERR_NOTHING_TO_RETRY") as string,
  });
});
