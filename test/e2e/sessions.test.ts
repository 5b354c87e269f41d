import { createClient } from "redis";
import { expect, test } from "vitest";
import type { SessionsStatus } from "../../src/api/sessions.ts";
import { LoggedInUsers } from "../support/sessions/logged-in-users.ts";
import { SessionSite } from "../support/sessions/session-site.ts";
import { until } from "../support/temp.ts";

/** The acceptance, which takes minutes: HITLESS_SESSION_SWITCHES=50 HITLESS_SESSION_USERS=2000. */
const SWITCHES = Number(process.env["HITLESS_SESSION_SWITCHES"] ?? 2);
const USERS = Number(process.env["HITLESS_SESSION_USERS"] ?? 200);
const LIMIT_MS = 120_000 + SWITCHES * 30_000;
const HITLESS = { store: "hitless" } as const;

test(
  "no user is logged out by deployments, rollbacks, a killed daemon, a killed state server and another size of it",
  { timeout: LIMIT_MS },
  async () => {
    const site = await SessionSite.deployed({ sessions: HITLESS });
    const users = await LoggedInUsers.at(site.app.url, USERS);
    for (let switches = 0; switches < SWITCHES; switches += 1) {
      if (switches % 2 === 0) await site.deploy(`release ${String(switches)}`, { sessions: HITLESS });
      else expect((await site.app.run(["rollback"])).code).toBe(0);
    }

    // Nobody misses the daemon, and the next one finds the server again.
    const found = site.serverPid();
    process.kill((await site.scene.up()).pid, "SIGKILL");
    await visited(users);
    await site.scene.up();
    await visited(users);
    expect(site.serverPid()).toBe(found);

    process.kill(found ?? 0, "SIGKILL");
    const next = await until(() => site.serverPid() !== found && site.serverPid());
    await visited(users);

    await site.deploy("larger", { sessions: { ...HITLESS, memory: "256MiB" } });
    expect(await until(() => site.serverPid() !== next && site.serverPid())).not.toBe(next);
    const shown = await site.app.json<SessionsStatus>(["sessions"]);
    expect(shown).toMatchObject({ app: "site", ours: true, count: USERS, looked: USERS });
    expect(JSON.stringify(shown)).not.toContain(new URL(site.sessionUrl()).password);
    const { served, lost, failed } = await users.stop();
    expect({ lost, failed }).toEqual({ lost: [], failed: [] });
    expect(served).toBeGreaterThan(USERS);
  },
);

test("sessions of connect-redis outlive `down` and `up`; nobody comes in without the password", async () => {
  const options = { sessions: { ...HITLESS, variable: "REDIS_URL" }, env: { STORE: "connect-redis" } };
  const site = await SessionSite.deployed(options);
  const users = await LoggedInUsers.at(site.app.url, 20);
  await visited(users);
  await users.pause();
  const { port } = new URL(site.sessionUrl());
  const stranger = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: false } });
  stranger.on("error", () => undefined);
  await expect(stranger.connect().then(() => stranger.dbSize())).rejects.toThrow("NOAUTH");
  stranger.destroy();
  const before = site.serverPid();
  expect((await site.scene.down()).code).toBe(0);
  expect(site.scene.processes()).toEqual([]);
  expect((await site.scene.run(["up"])).code).toBe(0);
  expect(site.serverPid()).not.toBe(before);
  const { lost, failed } = await users.stop();
  expect({ lost, failed }).toEqual({ lost: [], failed: [] });
});

/** Users come by, also those who begin now. */
async function visited(users: LoggedInUsers): Promise<void> {
  const before = users.visits.served;
  await until(() => users.visits.served > before + 50, { within: 30_000, what: "users are served" });
}
