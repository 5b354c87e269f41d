import { createClient } from "redis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lastingPort } from "../../src/adapters/state-server/lasting-port.ts";
import type { SessionsStatus } from "../../src/api/sessions.ts";
import { isAlive } from "../../src/platform/process-id.ts";
import { startServer, type TestServer } from "../support/postgres/server.ts";
import { LoggedInUsers } from "../support/sessions/logged-in-users.ts";
import { startRedis } from "../support/sessions/redis-server.ts";
import { SessionSite } from "../support/sessions/session-site.ts";
import { temporaryDirectory, until } from "../support/temp.ts";

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

/** A Redis that answers a change when it is on disk, and can be started again on what is there. */
async function durableRedis(): Promise<{ readonly url: string; start(): ReturnType<typeof startRedis> }> {
  const port = String(await lastingPort("127.0.0.1"));
  const directory = temporaryDirectory();
  const durable = ["--dir", directory, "--appendonly", "yes", "--appendfsync", "always"];
  const start = (): ReturnType<typeof startRedis> => startRedis("--port", port, "--bind", "127.0.0.1", ...durable);
  return { url: `redis://127.0.0.1:${port}`, start };
}

/** Some instances read the new store and have served users from it, and others still read the old one. */
async function isHalfSwitched({ scene }: SessionSite): Promise<boolean> {
  const { sessionMove, instances } = await scene.client.app("site");
  if (sessionMove?.phase !== "switching") return false;
  return instances.some(({ since, requests }) => since >= sessionMove.since && (requests ?? 0) > USERS);
}

/** So that what users have begun is under way to the store when it dies. */
async function killedWithAllUnderWay(pid: number, users: LoggedInUsers): Promise<void> {
  process.kill(pid, "SIGSTOP");
  let seen = -1;
  await until(() => seen === (seen = users.visits.served), { within: PATIENCE_MS, what: "all wait for the store" });
  process.kill(pid, "SIGKILL");
}

async function served(users: LoggedInUsers): Promise<void> {
  const before = users.visits.served;
  await until(() => users.visits.served > before + 2 * USERS, { within: PATIENCE_MS, what: "users are served" });
}

/** Everybody looks once more; nobody has what is older than they were told, and nobody fails any more. */
async function expectNothingLost(users: LoggedInUsers): Promise<void> {
  await served(users);
  const before = users.visits.failed.length;
  const { lost, failed } = await users.stop();
  expect({ lost, failed: failed.slice(before) }).toEqual({ lost: [], failed: [] });
}

test(
  "both stores are killed while instances come to read the new one: what users were told is there, and the move ends",
  LIMIT,
  async () => {
    const redis = await durableRedis();
    const old = await redis.start();
    const site = await SessionSite.deployed({ sessions: { store: redis.url }, rollout: { batch: "50%" } });
    const users = await LoggedInUsers.at(site.app.url, USERS);
    expect((await site.app.run(["sessions", "move", "site", "--to", "hitless", "--detach"])).code).toBe(0);
    const move = (): ReturnType<typeof site.scene.client.sessionMove> => site.scene.client.sessionMove("site");
    await until(() => isHalfSwitched(site), { within: PATIENCE_MS, what: "an instance that reads the new store serves" });
    const pid = site.serverPid() ?? 0;
    await killedWithAllUnderWay(pid, users);
    await old.kill();
    const said = await until(
      async () => (await site.scene.client.app("site")).sessionMove?.trouble?.match(/the old store.*/)?.[0],
      {
        within: PATIENCE_MS,
        what: "it is said that the old store is gone",
      },
    );
    expect(said).toMatch(/ECONNREFUSED.*bring it back, and do not take the move back/);
    expect((await move())?.phase).toBe("switching");
    await redis.start();
    await until(() => site.serverPid() !== pid && site.serverPid() !== null, {
      within: PATIENCE_MS,
      what: "the daemon starts it again",
    });
    await until(async () => (await move())?.isOver, { within: PATIENCE_MS, what: "the move is over" });
    expect(await move()).toMatchObject({ phase: "done", verified: USERS, failure: null });
    await expectNothingLost(users);
    expect(await site.app.json<SessionsStatus>(["sessions"])).toMatchObject({ ours: true, count: USERS });
  },
);

test(
  "both stores are killed, and the new one stays away: the move goes back by itself, to what users were told",
  LIMIT,
  async () => {
    const redis = await durableRedis();
    const next = await redis.start();
    // Requests wait for the store that stays away, which the instances on the way back still write into: a drain cuts them.
    const site = await SessionSite.deployed({ sessions: { store: "hitless" }, rollout: { batch: "50%" }, drainTimeout: "2s" });
    const users = await LoggedInUsers.at(site.app.url, USERS);
    expect((await site.app.run(["sessions", "move", "site", "--to", redis.url, "--detach"])).code).toBe(0);
    const move = (): ReturnType<typeof site.scene.client.sessionMove> => site.scene.client.sessionMove("site");
    await until(() => isHalfSwitched(site), { within: PATIENCE_MS, what: "an instance that reads the new store serves" });
    await killedWithAllUnderWay(site.serverPid() ?? 0, users);
    await next.kill();
    await until(async () => (await move())?.isOver, { within: PATIENCE_MS, what: "the move is over" });
    expect(await move()).toMatchObject({ phase: "aborted", failure: { code: "ERR_SESSIONS_UNREACHABLE" } });
    await expectNothingLost(users);
    expect(await site.app.json<SessionsStatus>(["sessions"])).toMatchObject({ ours: true, count: USERS });
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
