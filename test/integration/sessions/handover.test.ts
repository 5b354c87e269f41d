import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { describe, expect, it } from "vitest";
import { temporaryDirectory, until } from "../../support/temp.ts";
import { encode, RedisWire } from "../../support/sessions/redis-wire.ts";
import { StateServerProgram } from "../../support/sessions/state-server-program.ts";
import { filesFor } from "../../support/tls/files.ts";

async function upgrade(program: StateServerProgram): Promise<void> {
  const wire = await program.connect();
  const pid = Number(/process_id:(\d+)/.exec(String(await wire.call("INFO", "server")))![1]);
  wire.close();
  process.kill(pid, "SIGUSR2");
  await until(
    async () => {
      const next = await program.connect();
      const now = Number(/process_id:(\d+)/.exec(String(await next.call("INFO", "server")))![1]);
      next.close();
      return now !== pid;
    },
    { what: "the next generation answers", within: 30_000 },
  );
}

const gone = (program: StateServerProgram, processes: number): Promise<true> =>
  until(() => program.processes().length === processes, { what: "the old generation has ended" });

describe("a new generation of the state server", () => {
  it("takes over under load, five times: no error, no lost command, no lost connection", { timeout: 120_000 }, async () => {
    const program = await StateServerProgram.started();
    const kept = [
      ...(await Promise.all(Array.from({ length: 20 }, () => program.connect()))),
      ...(await Promise.all(Array.from({ length: 20 }, () => RedisWire.connect({ port: program.port })))),
    ];
    const load = { on: true, counted: 0, fresh: 0 };
    const working = kept.map(async (wire, i) => {
      for (let n = 1; load.on; n += 1) {
        expect(await wire.call("INCR", `c${i}`)).toBe(BigInt(n));
        load.counted += 1;
      }
    });
    const connecting = [{ path: program.socket }, { port: program.port }].map(async (at) => {
      while (load.on) {
        const wire = await RedisWire.connect(at);
        expect(Number(await wire.call("INCR", "fresh"))).toBeGreaterThan(0);
        load.fresh += 1;
        wire.close();
      }
    });
    for (let i = 0; i < 5; i += 1) {
      const before = load.counted;
      await upgrade(program);
      await gone(program, 1);
      await until(() => load.counted > before + 500);
    }
    load.on = false;
    await Promise.all([...working, ...connecting]);
    const wire = await program.connect();
    expect(Number(await wire.call("GET", "fresh"))).toBe(load.fresh);
    let counted = 0;
    for (let i = 0; i < kept.length; i += 1) counted += Number(await wire.call("GET", `c${i}`));
    expect(counted).toBe(load.counted);
    for (const one of kept) one.close();
  });

  it("knows each client as before: database, name, protocol, transaction, watched keys, and half a command", async () => {
    const program = await StateServerProgram.started();
    const wire = await program.connect();
    await wire.call("HELLO", "3", "SETNAME", "me");
    await wire.call("SELECT", "5");
    const id = await wire.call("CLIENT", "ID");
    const watcher = await program.connect();
    await watcher.call("SELECT", "5");
    await watcher.call("WATCH", "k");
    await watcher.call("MULTI");
    await watcher.call("SET", "k", "mine");
    const half = encode(["SET", "half", "x".repeat(5_000)]);
    const halfWire = await program.connect();
    halfWire.socket.write(half.slice(0, 2_000));
    await halfWire.call.call(wire, "PING");
    await upgrade(program);
    await gone(program, 1);
    expect(await wire.call("CLIENT", "GETNAME")).toBe("me");
    expect(await wire.call("CLIENT", "ID")).toBe(id);
    expect(await wire.call("GET", "none")).toBeNull();
    await wire.call("SET", "k", "other");
    expect(await watcher.call("EXEC")).toBeNull();
    expect(await watcher.call("GET", "k")).toBe("other");
    expect(await halfWire.raw(half.slice(2_000))).toEqual({ status: "OK" });
    expect(await halfWire.call("STRLEN", "half")).toBe(5_000n);
  });

  it("serves TLS clients through the old one until they go, over two generations", { timeout: 60_000 }, async () => {
    const { cert, key } = await filesFor(temporaryDirectory(), ["localhost"]);
    const program = await StateServerProgram.started("--listen", "tls://127.0.0.1:0", "--tlsCert", cert, "--tlsKey", key);
    const socket = tls.connect({ port: program.port, host: "127.0.0.1", rejectUnauthorized: false });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    const wire = new RedisWire(socket);
    const load = { on: true, counted: 0n };
    const working = (async () => {
      while (load.on) expect(await wire.call("INCR", "n")).toBe((load.counted += 1n));
    })();
    await upgrade(program);
    await upgrade(program);
    await until(() => program.processes().length === 2);
    const before = load.counted;
    await until(() => load.counted > before + 100n);
    load.on = false;
    await working;
    wire.close();
    await gone(program, 1);
  });

  it("of another version, which means something else by the messages, is refused with the reason, and nothing is lost", async () => {
    const program = await StateServerProgram.started();
    const wire = await program.connect();
    await wire.call("SET", "a", "1");
    const stranger = join(program.directory, "stranger.mjs");
    writeFileSync(
      stranger,
      `process.send({ kind: "hello", protocol: 99, pid: process.pid }); setInterval(() => undefined, 1_000);`,
    );
    writeFileSync(join(program.data, "successor.json"), JSON.stringify({ command: process.execPath, args: [stranger] }));
    process.kill(program.child!.pid!, "SIGUSR2");
    await until(() => program.log.includes("It speaks version 99 of the succession, this one 1."));
    expect(await wire.call("INCR", "a")).toBe(2n);
    // The next one, of this version, takes over.
    await upgrade(program);
    expect(await wire.call("INCR", "a")).toBe(3n);
  });

  it("that finds data in a form it does not know leaves them, and says so", async () => {
    const program = await StateServerProgram.started();
    const wire = await program.connect();
    await wire.call("SET", "a", "1");
    await program.kill();
    const [name] = readdirSync(program.data).filter((file) => file.startsWith("log-"));
    const path = join(program.data, name!);
    const before = readFileSync(path);
    const other = Buffer.from(before);
    other.write("HitlessLog2");
    writeFileSync(path, other);
    const child = program.spawn();
    await new Promise((resolve) => child.once("exit", resolve));
    expect(program.log).toContain("written by another version of Hitless");
    expect(readFileSync(path)).toEqual(other);
    writeFileSync(path, before);
    await program.start();
    const again = await program.connect();
    expect(await again.call("GET", "a")).toBe("1");
    // A beginning that nobody writes is damage: the file is kept, and the server starts.
    await program.kill();
    other.write("nonsense");
    writeFileSync(path, other);
    await program.start();
    await until(() => readdirSync(program.data).some((file) => file.endsWith(".damaged")));
  });

  it("that cannot start leaves the old one as it was", async () => {
    const { cert, key } = await filesFor(temporaryDirectory(), ["localhost"]);
    const program = await StateServerProgram.started("--listen", "127.0.0.1:0", "--tlsCert", cert, "--tlsKey", key);
    const wire = await program.connect();
    await wire.call("SET", "a", "1");
    const { unlinkSync } = await import("node:fs");
    unlinkSync(cert);
    process.kill(program.child!.pid!, "SIGUSR2");
    await until(() => program.log.includes("the upgrade failed; this generation goes on"));
    expect(await wire.call("INCR", "a")).toBe(2n);
    await program.kill();
    expect(
      await new Promise((resolve) =>
        net.connect(program.socket).once("error", () => {
          resolve("refused");
        }),
      ),
    ).toBe("refused");
  });
});
