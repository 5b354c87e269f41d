import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { StatelessnessAnswer } from "../../src/api/statelessness.ts";
import type { AppStatus } from "../../src/api/daemon.ts";
import { LoggedInUsers } from "../support/sessions/logged-in-users.ts";
import { SessionSite } from "../support/sessions/session-site.ts";
import { until } from "../support/temp.ts";

const JOURNEY = {
  stateless: "logs in",
  requests: [
    { method: "POST", path: "/login?user=${run}", expect: { status: 200 } },
    { path: "/me", expect: { status: 200 } },
    { path: "/me" },
  ],
};

/** On a busy machine users come by slowly. */
const PATIENT = { within: 40_000 };

interface Shown {
  readonly answers: readonly StatelessnessAnswer[];
}

test("`verify stateless` finds a session in memory, and none of it in a store; a deployment can require it", async () => {
  const site = await SessionSite.deployed({ env: { STORE: "memory" } });
  writeFileSync(join(site.app.path, "buys.json"), JSON.stringify(JOURNEY));
  const bound = await site.app.run(["verify", "stateless", "--journey", "buys.json", "--json"]);
  expect(bound.code).toBe(6);
  expect(bound.out).toContain("ERR_STATEFUL");
  const { answers } = JSON.parse(bound.out.slice(0, bound.out.indexOf("\n{"))) as Shown;
  const found = { path: "/me", cookies: [{ name: "connect.sid" }] };
  expect(answers).toMatchObject([{ verdict: "fail", findings: [found, found] }]);

  const checked = { checks: [JOURNEY], rollout: { strategy: "blue-green" as const, bake: 0, standby: 0 } };
  await expect(site.deploy("two", { ...checked, env: { STORE: "memory" } })).rejects.toThrow(/GET \/me .* depends on the node/);
  await site.deploy("three", { ...checked, sessions: { store: "hitless" } });
  const free = await site.app.run(["verify", "stateless"]);
  expect([free.code, free.out]).toEqual([
    0,
    expect.stringMatching(/^logs in is served alike by any node \(\d+ walks over 2 nodes\)\n$/),
  ]);
});

test("under load the proxy notices sessions that live in one instance", async () => {
  const site = await SessionSite.deployed({ env: { STORE: "memory" } });
  const users = await LoggedInUsers.at(site.app.url, 50);
  const [bound] = await until(async () => {
    const found = await nodeBound(site);
    return found.length > 0 && found;
  }, PATIENT);
  expect(bound).toMatchObject({ release: "r1", route: "GET /me", cookie: "connect.sid", ownLost: 0 });
  const recorded = await site.app.run(["verify", "stateless", "--record", "1s"]);
  expect([recorded.code, recorded.out]).toEqual([
    6,
    expect.stringMatching(/recorded \d+: GET \/me\n[^]*carried cookie connect\.sid/),
  ]);
  await users.stop();
  expect((await site.app.run(["status"])).out).toMatch(
    /not stateless {2}GET \/me: \d+ of \d+ requests with connect\.sid lost their session on another node, 0 of \d+ on/,
  );
});

test("under load, a deployment and a rollback nothing is said of sessions in a store", async () => {
  const site = await SessionSite.deployed({ sessions: { store: "hitless" } });
  const users = await LoggedInUsers.at(site.app.url, 50);
  await site.deploy("two", { sessions: { store: "hitless" } });
  expect(await nodeBound(site)).toEqual([]);
  expect((await site.app.run(["rollback"])).code).toBe(0);
  await until(async () => (await lookedAt(site)) > 200, PATIENT);
  expect((await site.app.run(["verify", "stateless", "--record", "1s"])).out).toContain(
    "live traffic is served alike by any node",
  );
  await users.stop();
  expect(await nodeBound(site)).toEqual([]);
});

async function nodeBound(site: SessionSite): Promise<NonNullable<AppStatus["nodeBound"]>> {
  const { apps } = await site.app.json<{ readonly apps: readonly AppStatus[] }>(["status"]);
  return apps[0]?.nodeBound ?? [];
}

/** Requests on other nodes than their session's own, by the proxy's metrics. */
async function lookedAt(site: SessionSite): Promise<number> {
  const { out } = await site.app.run(["metrics"]);
  return Number(/^hitless_session_requests_total\{.*release="r1".*node="other",result="kept"\} (\d+)$/m.exec(out)?.[1] ?? 0);
}
