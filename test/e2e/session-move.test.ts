import { createClient } from "redis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lastingPort } from "../../src/adapters/state-server/lasting-port.ts";
import type { SessionsStatus } from "../../src/api/sessions.ts";
import { isAlive } from "../../src/platform/process-id.ts";
import { startServer, type TestServer } from "../support/postgres/server.ts";
import { LoggedInUsers } from "../support/sessions/logged-in-users.ts";
import { startRedis } from "../support/sessions/redis-server.ts";
import { SessionSite } from "../support/sessions/session-site.ts";
import { until } from "../support/temp.ts";

const USERS = 60;
/** Some seconds each; a machine that is busy otherwise must not fail them. */
const LIMIT = { timeout: 300_000 };
const PATIENCE_MS = 200_000;

let postgres: TestServer;
beforeAll(async () => {
  postgres = await startServer(18);
});
afterAll(() => postgres.stop());

async function redisUrl(): Promise<string> {
  const port = await lastingPort("127.0.0.1");
  await startRedis("--port", String(port), "--bind", "127.0.0.1");
  return `redis://127.0.0.1:${String(port)}`;
}

test("sessions move from Redis to a state server under load, over a daemon that is killed in each phase", LIMIT, async () => {
  const old = await redisUrl();
  const site = await SessionSite.deployed({ sessions: { store: old }, rollout: { batch: "100%" } });
  const users = await LoggedInUsers.at(site.app.url, USERS);
  expect((await site.app.run(["sessions", "move", "site", "--to", "hitless", "--detach"])).code).toBe(0);
  const killedIn = new Set<string>();
  const moved = await until(
    async () => {
      const move = await site.scene.client.sessionMove("site");
      if (move === null || move.isOver) return move;
      if (killedIn.has(move.phase)) return null;
      killedIn.add(move.phase);
      process.kill((await site.scene.client.info()).pid, "SIGKILL");
      await site.scene.up();
      return null;
    },
    { within: PATIENCE_MS, what: "the move is over" },
  );
  expect(moved).toMatchObject({ phase: "done", verified: USERS, failure: null });
  expect(killedIn.size).toBeGreaterThan(1);
  expect(await site.app.json<SessionsStatus>(["sessions"])).toMatchObject({ ours: true, count: USERS, move: { phase: "done" } });
  expect(await keysOf(old)).toEqual([]);

  const refused = await site.app.run(["deploy"]);
  expect(refused.out + refused.err).toContain("ERR_SESSIONS_MOVED");
  const { lost, failed } = await users.stop();
  expect({ lost, failed }).toEqual({ lost: [], failed: [] });
});

test("a move to PostgreSQL is taken back after the switch has begun, and nobody notices", LIMIT, async () => {
  const site = await SessionSite.deployed({ sessions: { store: "hitless" }, rollout: { batch: "100%" } });
  const users = await LoggedInUsers.at(site.app.url, USERS);
  const to = await postgres.database();
  const move = site.app.begin(["sessions", "move", "--to", to]);
  const phase = async (): Promise<string | undefined> => (await site.scene.client.sessionMove("site"))?.phase;
  await until(async () => (await phase()) === "switching", { within: PATIENCE_MS, what: "the switch begins" });
  await site.scene.client.abortSessionMove("site");
  expect((await site.app.run(["sessions", "move", "--abort"])).code).toBe(0);
  expect(await move.ended()).toMatchObject({ code: 130 });
  expect(await site.app.json<SessionsStatus>(["sessions"])).toMatchObject({
    ours: true,
    count: USERS,
    move: { phase: "aborted" },
  });
  const { lost, failed } = await users.stop();
  expect({ lost, failed }).toEqual({ lost: [], failed: [] });
});

test(
  "sessions move all the way to PostgreSQL under load, over a daemon that is killed, and no other release comes between",
  LIMIT,
  async () => {
    const sessions = { store: "hitless" } as const;
    const site = await SessionSite.deployed({ sessions, rollout: { batch: "100%" } });
    await site.deploy("two", { sessions, rollout: { batch: "100%" } });
    const users = await LoggedInUsers.at(site.app.url, USERS);
    const to = await postgres.database();
    expect((await site.app.run(["sessions", "move", "site", "--to", to, "--detach"])).code).toBe(0);
    const phase = async (): Promise<string | undefined> => (await site.scene.client.sessionMove("site"))?.phase;
    const { sessionMove } = await site.scene.client.app("site");
    expect(sessionMove).toMatchObject({ isOver: false, from: "the state server of Hitless" });
    const back = site.scene.client.request("site", "rollback", { release: null });
    await expect(back).rejects.toMatchObject({ code: "ERR_SESSIONS_MOVING" });
    await until(async () => (await phase()) === "switching", { within: PATIENCE_MS, what: "the switch begins" });
    process.kill((await site.scene.client.info()).pid, "SIGKILL");
    await site.scene.up();
    await until(async () => (await phase()) === "done", { within: PATIENCE_MS, what: "the move is over" });
    const status = await site.app.json<SessionsStatus>(["sessions"]);
    expect(status).toMatchObject({ ours: false, count: USERS, move: { phase: "done", verified: USERS, failure: null } });
    expect(status.store).toMatch(/^postgres/);
    expect(await keysOf(site.sessionUrl())).toEqual([]);
    // Nobody needs the state server any more, whose address the active release and older ones still name.
    const pid = site.serverPid() ?? 0;
    await until(() => !isAlive(pid), { within: PATIENCE_MS, what: "the state server that was left has ended" });
    const serverEndedAt = expect.any(Number) as number;
    expect(await site.app.json<SessionsStatus>(["sessions"])).toMatchObject({ ours: false, count: USERS, serverEndedAt });
    // An older release, whose configuration names the store that was left, finds them.
    await site.app.json(["rollback"]);
    expect(await site.app.json<SessionsStatus>(["sessions"])).toMatchObject({ ours: false, count: USERS, serverEndedAt });
    const { lost, failed } = await users.stop();
    expect({ lost, failed }).toEqual({ lost: [], failed: [] });
  },
);

async function keysOf(url: string): Promise<readonly string[]> {
  const client = await createClient({ url }).connect();
  try {
    return await client.keys("*");
  } finally {
    client.destroy();
  }
}
