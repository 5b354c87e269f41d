import { expect, test } from "vitest";
import type { Report } from "../../src/api/daemon.ts";
import { lostOf, sumRows } from "../../src/core/ledger.ts";
import { expectEqualBooks } from "../support/books.ts";
import { Site } from "../support/site.ts";
import { until } from "../support/temp.ts";

const report = async (site: Site, deployment: string): Promise<Report> => site.client.report(Site.app, deployment);

test(
  "scenario 68 under load: a release that is bad only for copies of live requests is refused before the cutover, and no client sees anything of it",
  { timeout: 120_000 },
  async () => {
    const site = await Site.deployed();
    const users = site.users();
    await until(() => users.requests > 300);
    site.write("one", {
      rollout: { strategy: "blue-green", bake: 0 },
      checks: [{ mirror: "50%", for: "60s", minRequests: 100 }],
      web: { env: { FAIL_MIRRORED: "1" } },
    });
    const { code, err } = await site.app.run(["deploy"]);
    expect([code, err]).toEqual([6, expect.stringContaining("mirrored requests were answered differently")]);
    const { deployment, rows } = await report(site, "d2");
    expect(deployment).toMatchObject({ outcome: "rolled-back", verdicts: [{ kind: "mirror", verdict: "fail" }] });
    expect(deployment.verdicts[0]?.figures["differing"]).toBeGreaterThanOrEqual(100);
    expect(
      rows.map(({ release }) => release),
      "the new release got no request of a client",
    ).toEqual(["r1"]);
    await expectEqualBooks(site, users);
  },
);

test(
  "scenario 17 under load: of a release every twentieth request fails; the default gate takes it back with the numbers, and no request is lost",
  { timeout: 120_000 },
  async () => {
    const site = await Site.deployed();
    const users = site.users();
    await until(() => users.requests > 300);
    // Both releases serve, half and half, until there is a verdict.
    const rollout = { strategy: "rolling", batch: "100%", bake: "100s" } as const;
    site.write("two", { rollout, batch: "100%", web: { env: { FAIL_EVERY: "20" } } });
    const { code, err } = await site.app.run(["deploy"]);
    expect([code, err]).toEqual([6, expect.stringContaining("the new release is worse")]);
    const { deployment } = await report(site, "d2");
    expect(deployment).toMatchObject({
      outcome: "rolled-back",
      failure: {
        code: "ERR_TASK_FAILED",
        what: expect.stringMatching(/% of its requests fail, of the old release 0 %/) as string,
      },
      verdicts: [{ kind: "watch", verdict: "fail", figures: { oldErrors: 0 } }],
    });
    const { out } = await site.app.run(["report", "d2"]);
    expect(out).toMatch(/fail +the default gate/);
    expect(out).toContain("none lost");
    expect((await site.app.run(["history"])).out).toContain("1 fail");
    const { report: seen } = await users.stop();
    const ledger = sumRows((await site.client.ledger(Site.app))?.rows ?? []);
    expect(seen).toMatchObject({ connectionErrors: 0, timeouts: 0, stray: 0, byStatus: { 500: seen.httpErrors } });
    expect({ lost: lostOf(ledger), failed: ledger.appError }).toEqual({ lost: 0, failed: seen.httpErrors });
    expect((await site.client.app(Site.app)).active).toBe("r1");
  },
);
