import { randomUUID } from "node:crypto";
import net from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { lastingPort } from "../../../src/adapters/state-server/lasting-port.ts";
import { StateServerLink, type ServerFacts } from "../../../src/adapters/state-server/link.ts";
import type { StateServers } from "../../../src/adapters/state-server/servers.ts";
import { stateServers } from "../../../src/app/sessions.ts";
import { VERSION } from "../../../src/app/version.ts";
import { silentLogger } from "../../../src/base/log.ts";
import type { StateServerSpec } from "../../../src/core/sessions-spec.ts";
import { AspNetWire } from "../../support/sessions/asp-net-wire.ts";
import { RedisWire } from "../../support/sessions/redis-wire.ts";
import { temporaryDirectory } from "../../support/temp.ts";

const HOST = "127.0.0.1";
const PLAIN: StateServerSpec = { memoryBytes: 2 ** 26, fsync: "always" };

/** What one daemon has of the state servers below `stateDirectory`. */
function daemon(stateDirectory: string): StateServers {
  return stateServers({ stateDirectory, version: VERSION, log: silentLogger, mayAct: () => true });
}

async function factsAt(url: string): Promise<ServerFacts> {
  const link = await StateServerLink.open(url);
  if (link === null) throw new Error("the state server does not answer");
  try {
    return await link.facts();
  } finally {
    link.close();
  }
}

/** A client that counts, one command after the other, until it is told to stop; gives how far it came. */
async function counting(url: string): Promise<() => Promise<number>> {
  const { port, password } = new URL(url);
  const wire = await RedisWire.connect({ port: Number(port) });
  await wire.call("AUTH", password);
  const load = { on: true, counted: 0 };
  const key = randomUUID();
  const working = (async () => {
    while (load.on) expect(await wire.call("INCR", key)).toBe(BigInt((load.counted += 1)));
  })();
  return async () => {
    load.on = false;
    await working;
    wire.close();
    return load.counted;
  };
}

describe("the ASP.NET option of a running state server", () => {
  it(
    "is switched on, refused, moved and switched off without a lost command; the next daemon knows it",
    { timeout: 90_000 },
    async () => {
      const directory = temporaryDirectory();
      const servers = daemon(directory);
      onTestFinished(() => servers.end());
      const url = await servers.adapt("shop", PLAIN);
      const stop = await counting(url);
      const first = { host: HOST, port: await lastingPort(HOST) };
      await servers.adapt("shop", { ...PLAIN, aspNet: first });
      const wire = await AspNetWire.connect(first.port);
      expect((await wire.ask("PUT", "/a", ["Timeout: 20"], "kept")).status).toBe(200);

      // One that is taken: the old server goes on, at the old address.
      const taken = net.createServer().listen(0, HOST);
      onTestFinished(() => void taken.close());
      await new Promise((resolve) => taken.once("listening", resolve));
      const { port } = taken.address() as net.AddressInfo;
      const before = await factsAt(url);
      await expect(servers.adapt("shop", { ...PLAIN, aspNet: { host: HOST, port } })).rejects.toMatchObject({
        failure: { code: "ERR_STATE_SERVER_UPGRADE" },
      });
      expect(await factsAt(url)).toMatchObject({
        pid: before.pid,
        aspNet: before.aspNet,
        failedUpgrades: before.failedUpgrades + 1,
      });

      // A daemon that comes later leaves it as it is.
      servers.stop();
      const next = daemon(directory);
      onTestFinished(() => next.end());
      await next.ensure("shop", PLAIN);
      expect((await factsAt(url)).aspNet).toBe(`${HOST}:${String(first.port)}`);

      const second = { host: HOST, port: await lastingPort(HOST) };
      await next.adapt("shop", { ...PLAIN, aspNet: second });
      await expect(AspNetWire.connect(first.port)).rejects.toThrow("ECONNREFUSED");
      expect((await wire.ask("GET", "/a")).content).toBe("kept");
      const moved = await AspNetWire.connect(second.port);
      expect((await moved.ask("GET", "/a")).content).toBe("kept");
      await next.adapt("shop", PLAIN);
      await expect(AspNetWire.connect(second.port)).rejects.toThrow("ECONNREFUSED");
      expect(await stop()).toBeGreaterThan(0);
    },
  );

  it("comes back with a server that was killed, by a daemon that only takes it up again", { timeout: 60_000 }, async () => {
    const directory = temporaryDirectory();
    const servers = daemon(directory);
    onTestFinished(() => servers.end());
    const aspNet = { host: HOST, port: await lastingPort(HOST) };
    const url = await servers.adapt("shop", { ...PLAIN, aspNet });
    servers.stop();
    process.kill((await factsAt(url)).pid, "SIGKILL");
    const next = daemon(directory);
    onTestFinished(() => next.end());
    next.start();
    await next.ensure("shop", PLAIN);
    expect((await factsAt(url)).aspNet).toBe(`${HOST}:${String(aspNet.port)}`);
    expect((await (await AspNetWire.connect(aspNet.port)).ask("GET", "/none")).status).toBe(404);
  });
});
