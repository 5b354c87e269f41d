import { hostname } from "node:os";
import { describe, expect, test } from "vitest";
import { sharedScene } from "../support/scene.ts";
import { expectStanding } from "../support/standing.ts";
import { until } from "../support/temp.ts";

/** Boots long enough for an operator to change their mind. */
const SLOW_BOOT = { env: { BOOT_MS: "120000" }, startDeadline: "5m" } as const;

describe("while a deployment runs", () => {
  const shop = sharedScene(async (scene) => {
    const app = await scene.app("shop");
    await app.deploy();
    app.configure(SLOW_BOOT);
    return app;
  });

  test("scenarios 77 and 80: everything else is refused, with who began it, which step it is in, and since when; Ctrl-C goes back", async () => {
    const app = shop();
    const deploying = app.begin(["deploy"]);
    await deploying.says("batch 1 of 2: starting web.r2.");
    await until(async () => (await app.status()).deployment?.phase === "warming");

    for (const args of [["deploy"], ["rollback"], ["restart"], ["scale", "web=3"], ["down"]]) {
      const { code, err } = await app.run(args);
      expect(code, err).toBe(5);
      for (const word of ["[ERR_DEPLOYMENT_RUNNING]", "shop", "hitless status --watch", "hitless abort"])
        expect(err).toContain(word);
      if (args[0] !== "down")
        expect(err).toMatch(new RegExp(`@${hostname()} began it \\d+ s ago.*warming.*batch 1 of 2.*for \\d+ s`));
    }
    expect((await app.run(["status"])).out).toMatch(/d2 deploy r1 → r2 {2}warming, batch 1 of 2, for \d+ s, by .+@/);

    deploying.interrupt();
    await deploying.says("asking d2 to go back; Ctrl-C again to stop watching");
    const { code, out, err } = await deploying.ended();
    expect(code, out + err).toBe(130);
    expect(out).toMatch(/asked d2 to go back\.[^]*going back to r1[^]*d2 went back/);
    expect(err).toContain("[ERR_ABORTED]");
    await expectStanding(app, "r1", 2);
  });

  test("scenario 80: Ctrl-C twice leaves it alone and says how to look again", async () => {
    const app = shop();
    app.configure({ ...SLOW_BOOT, env: { BOOT_MS: "120000", IGNORE_SIGTERM: "1" }, stopGrace: "1500ms" });
    const deploying = app.begin(["deploy"]);
    await deploying.says("starting web.r3.");
    await until(async () => (await app.status()).deployment?.phase === "warming");
    deploying.interrupt();
    await deploying.says("Ctrl-C again");
    deploying.interrupt();
    const { code, out, err } = await deploying.ended();
    expect(code, out + err).toBe(130);
    for (const word of ["hitless status --watch", "hitless report d3", "Stopped watching d3"]) expect(err).toContain(word);
    expect(out).not.toContain("d3 went back");
    await until(async () => (await app.status()).deployment?.outcome === "rolled-back");
    await until(async () => (await app.status()).instances.length === 2);
    await expectStanding(app, "r1", 2);
  });

  test("`deploy --detach` comes back at once, `abort` goes back", async () => {
    const app = shop();
    app.configure(SLOW_BOOT);
    const { code, out } = await app.run(["deploy", "--detach"]);
    expect([code, out]).toEqual([0, "d4\n"]);
    await until(async () => (await app.status()).deployment?.phase === "warming");
    const abort = await app.run(["abort"]);
    expect(abort).toMatchObject({ code: 0, out: "d4 goes back; follow it with `hitless status --watch`\n" });
    await until(async () => (await app.status()).deployment?.outcome === "rolled-back");
    await until(async () => (await app.status()).instances.length === 2);
    await expectStanding(app, "r1", 2);
    const again = await app.run(["abort"]);
    expect(again.code).toBe(2);
    expect(again.err).toContain("No deployment is running");
  });

  test("scenario 78: the daemon is killed: the command waits for the next one, which brings it to an end", async () => {
    const app = shop();
    app.configure({ env: { BOOT_MS: "4000", MESSAGE: "after" }, startDeadline: "60s" });
    const deploying = app.begin(["deploy"]);
    await deploying.says("batch 1 of 2: starting web.r5.");
    process.kill((await app.scene.client.info()).pid, "SIGKILL");
    expect((await app.ask()).release).toBe("r1");
    await deploying.says("the daemon does not answer");
    const looked = await app.run(["status"]);
    expect(looked.code).toBe(7);
    expect(looked.err).toContain("hitless up");
    await app.scene.up();
    const { code, out, err } = await deploying.ended();
    const { outcome } = (await app.status()).deployment ?? {};
    expect([outcome, code], out + err).toEqual(outcome === "done" ? ["done", 0] : ["rolled-back", 6]);
    await expectStanding(app, outcome === "done" ? "r5" : "r1", 2);
  });
});
