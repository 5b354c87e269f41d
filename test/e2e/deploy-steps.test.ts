import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Scene, type AppDirectory } from "../support/scene.ts";

/** An app with a required step for which it is never the time, and one that somebody must approve. */
async function appWithSteps(): Promise<{ app: AppDirectory; log: string }> {
  const scene = new Scene();
  onTestFinished(() => scene.close());
  const app = await scene.app();
  const log = join(scene.root, "log");
  mkdirSync(join(app.path, "deploy/steps"), { recursive: true });
  app.configure({ env: { LOG: log } });
  return { app, log };
}

/** A window of an hour that is eleven hours away. */
function otherTime(): string {
  const hour = (new Date().getUTCHours() + 11) % 24;
  const text = (value: number): string => `${String(value % 24).padStart(2, "0")}:00`;
  return `${text(hour)}-${text(hour + 1)} UTC`;
}

test("--run-steps runs what the release requires, whatever its window, and then deploys; what is not required is left to its time", async () => {
  const { app, log } = await appWithSteps();
  app.write("deploy/steps/0001-required.sh", `# hitless: window = ${otherTime()}\necho required >> "$LOG"`);
  app.write(
    "deploy/steps/0002-later.sh",
    `# hitless: window = ${otherTime()}\n# hitless: required = false\necho later >> "$LOG"`,
  );
  const refused = await app.run(["deploy"]);
  expect(refused.code).toBe(5);
  expect(refused.err).toContain("--run-steps");
  const { deployment } = await app.deploy("--run-steps");
  expect(deployment.outcome).toBe("done");
  expect(readFileSync(log, "utf8")).toBe("required\n");
  expect((await app.scene.client.steps(app.name)).map(({ name, state }) => [name, state])).toEqual([
    ["0001-required", "done"],
    ["0002-later", "waiting"],
  ]);
});

test("--wait-steps waits for what the release requires: an approval comes, and it deploys; a step that fails ends it, and nothing is deployed", async () => {
  const { app, log } = await appWithSteps();
  app.write("deploy/steps/0001-agreed.yaml", "wait: { approval: all agree }");
  app.write("deploy/steps/0002-after.sh", `# hitless: needs = 0001-agreed\necho after >> "$LOG"`);
  const waiting = app.begin(["deploy", "--wait-steps"]);
  await waiting.says("approve: all agree");
  expect(waiting.running).toBe(true);
  expect((await app.run(["steps", "approve", "0001-agreed"])).code).toBe(0);
  const ended = await waiting.ended();
  expect(ended.code, ended.out + ended.err).toBe(0);
  expect((await app.status()).active).toBe("r1");
  expect(readFileSync(log, "utf8")).toBe("after\n");

  app.write("deploy/steps/0003-fails.sh", "echo no >&2; exit 3");
  const failed = await app.run(["deploy", "--wait-steps"]);
  expect(failed.code).toBe(5);
  expect(failed.err).toContain("0003-fails exited with code 3");
  expect((await app.status()).active).toBe("r1");
});

test("a step that failed and is no part of the release any more stops neither the next preparation nor the deployment", async () => {
  const { app, log } = await appWithSteps();
  app.write("deploy/steps/0001-fails.sh", "exit 3");
  expect((await app.run(["prepare"])).code).toBe(5);
  rmSync(join(app.path, "deploy/steps/0001-fails.sh"));
  app.write("deploy/steps/0002-other.sh", 'echo other >> "$LOG"');
  const prepared = await app.run(["prepare"]);
  expect(prepared.code, prepared.err).toBe(0);
  expect(readFileSync(log, "utf8")).toBe("other\n");
  expect((await app.deploy("--run-steps")).deployment.outcome).toBe("done");
});

test("prepare does not follow what the release has no file for any more: a wait is over, a program goes on and is told, also when it was cancelled by hand", async () => {
  const { app } = await appWithSteps();
  app.write("deploy/steps/0001-agreed.yaml", "wait: { approval: boss agrees }");
  app.write("deploy/steps/0002-long.sh", "exec sleep 600");
  const refused = await app.run(["deploy"]);
  expect(refused.err).toContain("`hitless steps approve 0001-agreed`");
  const following = app.begin(["prepare"]);
  await following.says("approve: boss agrees");
  await following.says("0002-long: running");
  following.kill();
  rmSync(join(app.path, "deploy/steps"), { recursive: true });
  const prepared = await app.run(["prepare"]);
  expect(prepared.code, prepared.err).toBe(0);
  expect(prepared.err).toContain("`hitless steps cancel 0002-long`");
  const states = async () => (await app.scene.client.steps(app.name)).map(({ name, state }) => [name, state]);
  expect(await states()).toEqual([
    ["0001-agreed", "cancelled"],
    ["0002-long", "running"],
  ]);
  expect((await app.deploy("--run-steps")).deployment.outcome).toBe("done");
  expect((await app.run(["steps", "cancel", "0002-long"])).code).toBe(0);
  expect((await app.run(["prepare"])).code).toBe(0);
});
