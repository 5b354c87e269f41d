import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Scene } from "../support/scene.ts";
import { expectStanding } from "../support/standing.ts";

test("the story of the README: deploy, deploy again, roll back, down, and nothing is left", async () => {
  const scene = new Scene();
  onTestFinished(() => scene.close());
  const app = await scene.app("shop", { env: { MESSAGE: "one" } });

  const first = await app.run(["deploy"]);
  expect(first.code, first.out + first.err).toBe(0);
  expect(first.out).toContain("d1 is done in");
  expect(statSync(join(scene.state, "daemon.sock")).mode & 0o777).toBe(0o600);
  await expectStanding(app, "r1", 2);

  app.configure({ env: { MESSAGE: "two" } });
  const second = await app.deploy();
  expect(second).toMatchObject({ deployment: { name: "d2", outcome: "done", from: "r1", to: "r2" }, report: { lost: 0 } });
  expect((await app.ask()).message).toBe("two");

  const back = await app.run(["rollback"]);
  expect(back.code, back.out + back.err).toBe(0);
  expect((await app.ask()).message).toBe("one");
  await expectStanding(app, "r1", 2);

  expect(await scene.down()).toMatchObject({ code: 0 });
  expect(scene.processes()).toEqual([]);
});
