import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { sharedScene, type AppDirectory } from "../support/scene.ts";
import { expectStanding } from "../support/standing.ts";
import { until } from "../support/temp.ts";

/** The fixture, unless a file tells it to end at once, or to begin with a log that is due for rotation. */
const program = (crash: string, noise: string): string => `
import { existsSync, writeSync } from "node:fs";
if (existsSync(${JSON.stringify(crash)})) process.exit(9);
if (existsSync(${JSON.stringify(noise)})) for (let line = 0; line < 11 * 1024; line += 1) writeSync(1, "x".repeat(1023) + "\\n");
await import("./fixture.mjs");
`;

describe("an instance that serves", () => {
  const shop = sharedScene(async (scene) => {
    const app = await scene.app("shop");
    const noise = join(scene.root, "noise");
    app.write("program.mjs", program(join(scene.root, "crash"), noise));
    app.configure({ command: [process.execPath, "program.mjs"] });
    writeFileSync(noise, "");
    await app.deploy();
    rmSync(noise);
    return app;
  });

  test("writes a lot: its log is rotated at 10 MiB", async () => {
    const app = shop();
    const [{ name } = { name: "" }] = (await app.status()).instances;
    const log = join(app.scene.state, "apps", "shop", "logs", `${name}.log`);
    await until(() => existsSync(`${log}.1`), { within: 30_000 });
    expect((await app.run(["logs", name, "-n", "1"])).out).toContain("fixture: listening on");
  });

  test("crashes: it is replaced, users notice nothing, and `logs -f` shows the new one's words", async () => {
    const app = shop();
    const logs = app.begin(["logs", "-f", "-n", "1"]);
    await logs.says("fixture: listening on");
    const { name } = await killOne(app);
    await until(async () => (await app.status()).instances.filter(({ health }) => health === "up").length === 2);
    const fresh = (await app.status()).instances.find(({ since }) => since > killedAt)?.name ?? "";
    await logs.says(`${fresh}  fixture: listening on`);
    logs.interrupt();
    expect((await logs.ended()).code).toBe(0);
    await expectStanding(app, "r1", 2);
    const gone = await app.run(["logs", name, "-n", "1"]);
    expect(gone).toMatchObject({ code: 0, out: expect.stringContaining("fixture: listening on") as string });
  });

  test("crashes again and again: `status` says that it is a loop; it ends when the cause is gone", async () => {
    const app = shop();
    const flag = join(app.scene.root, "crash");
    onTestFinished(() => {
      rmSync(flag, { force: true });
    });
    writeFileSync(flag, "");
    await killOne(app);
    await until(async () => (await app.status()).crashLoops.length > 0);
    const { code, out } = await app.run(["status"]);
    expect(code).toBe(0);
    expect(out).toMatch(/crash loop {2}web has ended \d times in a row, each soon after its start \(exited with code 9\)/);
    expect((await app.ask()).release).toBe("r1");
    rmSync(flag);
    await until(async () => (await app.status()).instances.filter(({ health }) => health === "up").length === 2);
    await expectStanding(app, "r1", 2);
  });

  let killedAt = 0;

  async function killOne(app: AppDirectory): Promise<{ name: string }> {
    const [victim] = (await app.status()).instances;
    if (typeof victim?.pid !== "number") throw new Error("Nothing serves.");
    killedAt = Date.now();
    process.kill(victim.pid, "SIGKILL");
    await until(async () => (await app.status()).instances.every(({ name }) => name !== victim.name));
    return victim;
  }
});
