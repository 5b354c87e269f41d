import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { StatelessnessAnswer } from "../../src/api/statelessness.ts";
import { SessionSite } from "../support/sessions/session-site.ts";

const JOURNEY = {
  stateless: "logs in",
  requests: [
    { method: "POST", path: "/login?user=${run}", expect: { status: 200 } },
    { path: "/me", expect: { status: 200 } },
    { path: "/me" },
  ],
};

interface Shown {
  readonly journeys: readonly StatelessnessAnswer[];
}

test("`verify stateless` finds a session in memory, and none of it in a store; a deployment can require it", async () => {
  const site = await SessionSite.deployed({ env: { STORE: "memory" } });
  writeFileSync(join(site.app.path, "buys.json"), JSON.stringify(JOURNEY));
  const bound = await site.app.run(["verify", "stateless", "--journey", "buys.json", "--json"]);
  expect(bound.code).toBe(6);
  expect(bound.out).toContain("ERR_STATEFUL");
  const { journeys } = JSON.parse(bound.out.slice(0, bound.out.indexOf("\n{"))) as Shown;
  const found = { path: "/me", cookies: [{ name: "connect.sid" }] };
  expect(journeys).toMatchObject([{ verdict: "fail", findings: [found, found] }]);

  const checked = { checks: [JOURNEY], rollout: { strategy: "blue-green" as const, bake: 0, standby: 0 } };
  await expect(site.deploy("two", { ...checked, env: { STORE: "memory" } })).rejects.toThrow(/GET \/me .* depends on the node/);
  await site.deploy("three", { ...checked, sessions: { store: "hitless" } });
  const free = await site.app.run(["verify", "stateless"]);
  expect([free.code, free.out]).toEqual([
    0,
    expect.stringMatching(/^logs in is served alike by any node \(\d+ walks over 2 nodes\)\n$/),
  ]);
});
