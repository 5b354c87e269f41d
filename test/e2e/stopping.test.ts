import { describe, expect, test } from "vitest";
import { sharedScene } from "../support/scene.ts";
import { expectStanding } from "../support/standing.ts";
import { until } from "../support/temp.ts";

describe("an application that does not end as it should", () => {
  const shop = sharedScene((scene) => scene.app("shop"));

  test("scenario 35: ignores SIGTERM: it is ended by SIGKILL after its grace, and the operator is told", async () => {
    const app = shop();
    app.configure({ env: { IGNORE_SIGTERM: "1" }, stopGrace: "300ms" });
    await app.deploy();
    app.configure();
    const { code, out, err } = await app.run(["deploy"]);
    expect(code, err).toBe(0);
    expect(out.match(/web\.r1\.\d did not end within 0\.30 s of SIGTERM: it was ended by SIGKILL/g)).toHaveLength(2);
    await expectStanding(app, "r2", 2);
  });

  test("scenario 36: exits at once on SIGTERM: it has finished every request before it is told", async () => {
    const app = shop();
    app.configure({ env: { EXIT_AT_SIGTERM: "1" } });
    await app.deploy();
    const slow = Array.from({ length: 4 }, () => fetch(`${app.url}/slow?ms=1500`).then((answer) => answer.status));
    await until(async () => (await app.status()).traffic?.inFlight === 4);
    app.configure();
    const { report } = await app.deploy();
    expect(await Promise.all(slow)).toEqual([200, 200, 200, 200]);
    expect(report).toMatchObject({ lost: 0, caveat: null });
    await expectStanding(app, "r4", 2);
  });

  test("scenario 26: has a request that outlasts the drain limit: it is cut, counted as lost, and the report says so", async () => {
    const app = shop();
    app.configure({ drainTimeout: "300ms" });
    await app.deploy();
    const endless = fetch(`${app.url}/slow?ms=60000`);
    await until(async () => (await app.status()).traffic?.inFlight === 1);
    app.configure();
    const { code, out } = await app.run(["deploy"]);
    expect(code).toBe(0);
    expect(out).toContain("1 lost: 1 cut at the drain limit");
    expect((await endless).status).toBe(503);
    const report = await app.run(["report"]);
    expect(report.code).toBe(6);
    expect(report.err).toContain("[ERR_LOST_REQUESTS]");
  });
});
