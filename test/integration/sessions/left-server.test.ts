import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "redis";
import { expect, onTestFinished, test } from "vitest";
import { lastingPort } from "../../../src/adapters/state-server/lasting-port.ts";
import type { StateServers } from "../../../src/adapters/state-server/servers.ts";
import { sessionsStatus, stateServers } from "../../../src/app/sessions.ts";
import { VERSION } from "../../../src/app/version.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { SESSION_URL } from "../../../src/base/session-move.ts";
import { newApp } from "../../../src/core/new-app.ts";
import { USUAL_SERVER } from "../../../src/core/sessions-spec.ts";
import { isAlive } from "../../../src/platform/process-id.ts";
import { StateServerProgram } from "../../support/sessions/state-server-program.ts";
import { temporaryDirectory, until } from "../../support/temp.ts";

const APP = "shop";

/** What one daemon has of the state servers below `stateDirectory`. */
function daemon(stateDirectory: string, log = silentLogger): StateServers {
  const servers = stateServers({ stateDirectory, version: VERSION, log, mayAct: () => true });
  onTestFinished(() => servers.end());
  return servers;
}

/** As the program itself has written it; null: none runs. */
function pidIn(directory: string): number | null {
  const path = join(directory, "apps", APP, "sessions", "state-server.json");
  const pid = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as { pid: number }).pid : null;
  return pid !== null && isAlive(pid) ? pid : null;
}

async function client(url: string): Promise<ReturnType<typeof createClient>> {
  const found = createClient({ url, socket: { reconnectStrategy: false } });
  found.on("error", () => undefined);
  onTestFinished(() => {
    if (found.isOpen) found.destroy();
  });
  await found.connect();
  return found as ReturnType<typeof createClient>;
}

/** As one who looks for long enough. */
async function laidToRest(servers: StateServers): Promise<boolean> {
  const use = await servers.use(APP);
  return use !== null && !use.inUse && (await servers.rest(APP, use.visits));
}

test("a state server that nobody uses is ended, stays so with the next daemon, and comes back with its sessions when it is asked for", async () => {
  const directory = temporaryDirectory();
  const warnings: string[] = [];
  const servers = daemon(directory, { ...silentLogger, warn: (text) => void warnings.push(text) });
  const url = await servers.ensure(APP, USUAL_SERVER);
  const user = await client(url);
  await user.set("sess:a", "ada");
  expect(await servers.use(APP), "somebody is connected").toMatchObject({ inUse: true });
  expect(await servers.rest(APP, (await servers.use(APP))?.visits ?? 0)).toBe(false);
  user.destroy();
  await until(async () => (await servers.use(APP))?.inUse === false, { what: "nobody is connected" });

  // Who has come since the last look, and has gone again, or is about to be told of it.
  const before = (await servers.use(APP))?.visits ?? 0;
  (await client(url)).destroy();
  await until(async () => (await servers.use(APP))?.inUse === false);
  expect(await servers.rest(APP, before)).toBe(false);
  const seen = (await servers.use(APP))?.visits ?? 0;
  await servers.ensure(APP, USUAL_SERVER);
  expect(await servers.rest(APP, seen)).toBe(false);

  expect(await laidToRest(servers)).toBe(true);
  expect([pidIn(directory), servers.awake()]).toEqual([null, []]);
  expect(servers.record(APP)?.endedAt).toBeGreaterThan(0);
  const next = daemon(directory);
  next.start();
  expect(await next.use(APP)).toBeNull();
  expect([pidIn(directory), next.awake()]).toEqual([null, []]);

  expect(await next.ensure(APP, USUAL_SERVER)).toBe(url);
  expect(next.record(APP)).not.toHaveProperty("endedAt");
  expect(await (await client(url)).get("sess:a")).toBe("ada");
  expect(warnings, "its end was no reason to start it again").toEqual([]);
});

test("who asks for it while it is being ended waits, and gets one that runs", async () => {
  const directory = temporaryDirectory();
  const servers = daemon(directory);
  const url = await servers.ensure(APP, USUAL_SERVER);
  const [before, visits] = [pidIn(directory), (await servers.use(APP))?.visits ?? 0];
  const resting = servers.rest(APP, visits);
  await until(() => servers.record(APP)?.endedAt !== undefined, { what: "its end is written down" });
  expect(await servers.ensure(APP, USUAL_SERVER)).toBe(url);
  expect(await resting).toBe(true);
  expect(await (await client(url)).ping()).toBe("PONG");
  expect(pidIn(directory)).not.toBe(before);
  expect(servers.record(APP)).not.toHaveProperty("endedAt");
});

test("a daemon that was killed between writing it down and ending the server is followed by one that ends it", async () => {
  const directory = temporaryDirectory();
  const servers = daemon(directory);
  await servers.ensure(APP, USUAL_SERVER);
  servers.stop();
  const file = join(directory, "apps", APP, "sessions", "server.json");
  writeFileSync(file, JSON.stringify({ ...servers.record(APP), endedAt: 1 }));
  expect(pidIn(directory)).not.toBeNull();
  const next = daemon(directory);
  next.start();
  await until(() => pidIn(directory) === null, { what: "the server has ended" });
  expect(next.record(APP)).toMatchObject({ endedAt: 1 });
});

test("an address for ASP.NET is shown, and the server goes on, whatever store the active release names; who was ended is shown too", async () => {
  const directory = temporaryDirectory();
  const servers = daemon(directory);
  const aspNet = { host: "127.0.0.1", port: await lastingPort("127.0.0.1") };
  await servers.adapt(APP, { ...USUAL_SERVER, aspNet });
  const other = await StateServerProgram.started();
  const workplace = () =>
    Promise.resolve({ spec: { sessions: {} }, env: { [SESSION_URL]: `redis://127.0.0.1:${String(other.port)}` } });
  const parts = { releases: { workplace }, moves: { of: () => null }, servers } as unknown as Parameters<
    typeof sessionsStatus
  >[0];
  const shown = () => sessionsStatus(parts, { ...newApp(APP), active: "r1" }, "sess:");
  expect(await laidToRest(servers)).toBe(false);
  expect(await shown()).toMatchObject({ ours: false, aspNet: `127.0.0.1:${String(aspNet.port)}` });
  await servers.adapt(APP, USUAL_SERVER);
  expect(await laidToRest(servers)).toBe(true);
  const found = await shown();
  expect(found).toMatchObject({ ours: false, serverEndedAt: servers.record(APP)?.endedAt });
  expect(found).not.toHaveProperty("aspNet");
});
