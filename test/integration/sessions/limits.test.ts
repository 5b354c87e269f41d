import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { describe, expect, it } from "vitest";
import { temporaryDirectory, until } from "../../support/temp.ts";
import { encode, RedisWire } from "../../support/sessions/redis-wire.ts";
import { StateServerProgram } from "../../support/sessions/state-server-program.ts";
import { filesFor } from "../../support/tls/files.ts";

const MB = 1_048_576;

async function rss(wire: RedisWire): Promise<number> {
  return Number(/used_memory_rss:(\d+)/.exec(String(await wire.call("INFO", "memory")))![1]);
}

describe("the state server's limits", () => {
  it("memory: what has expired makes room, what has not is never thrown away, deleting helps", async () => {
    const program = await StateServerProgram.started("--memory", "2m", "--fsync", "everysec");
    const wire = await program.connect();
    const value = "x".repeat(10_000);
    for (let i = 0; i < 100; i += 1) await wire.call("SET", `gone${i}`, value, "PX", "1");
    const written = Date.now();
    await until(() => Date.now() > written + 2, { what: "their time is over" });
    let kept = 0;
    for (; kept < 1_000; kept += 1) {
      const reply = await wire.call("SETEX", `kept${kept}`, "1000", value);
      if (JSON.stringify(reply).includes("OOM")) break;
    }
    expect(kept).toBeGreaterThan(200);
    expect(kept).toBeLessThan(215);
    expect(await wire.call("SET", "more", "x")).toEqual({ error: "OOM command not allowed when used memory > 'maxmemory'." });
    expect(Number(await wire.call("EXISTS", ...Array.from({ length: kept }, (_, i) => `kept${i}`)))).toBe(kept);
    expect(await wire.call("GET", "kept0")).toBe(value);
    expect(await wire.call("DEL", "kept0", "kept1")).toBe(2n);
    expect(await wire.call("SET", "more", "x")).toEqual({ status: "OK" });
  });

  it("a client that does not read holds no more than a little memory, and nobody else up", { timeout: 60_000 }, async () => {
    const program = await StateServerProgram.started("--fsync", "everysec");
    const wire = await program.connect();
    await wire.call("SET", "big", "x".repeat(MB));
    const before = await rss(wire);
    const lazy = await RedisWire.connect({ path: program.socket });
    lazy.socket.pause();
    lazy.socket.write(encode(["GET", "big"]).repeat(2_000));
    for (let i = 0; i < 200; i += 1) expect(await wire.call("PING")).toEqual({ status: "PONG" });
    expect((await rss(wire)) - before).toBeLessThan(60 * MB);
    // It reads again, and gets all of them.
    let bytes = 0;
    lazy.socket.removeAllListeners("data");
    lazy.socket.on("data", (data: Buffer) => (bytes += data.length));
    lazy.socket.resume();
    await until(() => bytes === 2_000 * (MB + 12), { within: 40_000 });
  });

  it("what is not RESP is refused as Redis does, and the connection ends; others do not notice", async () => {
    const program = await StateServerProgram.started("--fsync", "everysec");
    const good = await program.connect();
    const nasty = [
      "*1\r\n$999999999999\r\n",
      "*-5\r\nPING\r\n*zz\r\n",
      "*3\r\n$3\r\nSET\r\n:1\r\n",
      "\0\0\r\n*1\r\n$-5\r\n",
      'GET "\r\n',
      "*2147483648\r\n",
    ];
    for (const bytes of nasty) {
      const bad = await program.connect();
      let text = "";
      bad.socket.removeAllListeners("data");
      bad.socket.on("data", (data: Buffer) => (text += data.toString("latin1")));
      bad.socket.write(bytes, "latin1");
      await until(() => bad.closed, { what: JSON.stringify(bytes) });
      expect(text).toMatch(/-ERR Protocol error: .*\r\n$/);
    }
    for (let i = 0; i < 300; i += 1) {
      const bad = await program.connect();
      bad.socket.write(Buffer.from(Array.from({ length: 200 }, (_, at) => (i * 7 + at * 131 + at * at) % 256)));
      bad.socket.end();
    }
    expect(await good.call("PING")).toEqual({ status: "PONG" });
    await until(async () => String(await good.call("INFO", "clients")).includes("connected_clients:1\r\n"));
    expect(program.log).not.toContain("not expected");
  });

  it("a client that closes its side gets the answers to what it sent", async () => {
    const program = await StateServerProgram.started();
    const reply = await new Promise<string>((resolve) => {
      let text = "";
      const socket = net.connect({ path: program.socket, allowHalfOpen: true }, () =>
        socket.end("SET a 1\r\nINCR a\r\nQUIT\r\nPING\r\n"),
      );
      socket.on("data", (data) => (text += String(data)));
      socket.on("end", () => {
        resolve(text);
      });
    });
    expect(reply).toBe("+OK\r\n:2\r\n+OK\r\n");
  });

  it("passwords: several at a time, none of them told, little may be sent before", async () => {
    const file = join(temporaryDirectory(), "passwords");
    writeFileSync(file, "old secret\nneu-ä\n", { mode: 0o600 });
    const program = await StateServerProgram.started("--passwordFile", file);
    const wire = await program.connect();
    expect(await wire.call("GET", "a")).toEqual({ error: "NOAUTH Authentication required." });
    expect(await wire.call("AUTH", "wrong")).toEqual({ error: "WRONGPASS invalid username-password pair or user is disabled." });
    expect(await wire.call("HELLO", "3")).toMatchObject({
      error: expect.stringContaining("NOAUTH HELLO must be called") as string,
    });
    expect(await wire.call("AUTH", "default", "old secret")).toEqual({ status: "OK" });
    expect(await wire.call("GET", "a")).toBeNull();
    const second = await program.connect();
    const password = Buffer.from("neu-ä").toString("latin1");
    expect(await second.call("HELLO", "3", "AUTH", "default", password, "SETNAME", "me")).toContain("proto");
    const third = await program.connect();
    expect(await third.raw("*2\r\n$100000\r\n")).toEqual({ error: "ERR Protocol error: unauthenticated bulk length" });
  });

  it("TLS, and a refusal to be reached by others without a password", async () => {
    const directory = temporaryDirectory();
    const { cert, key } = await filesFor(directory, ["localhost"]);
    const program = await StateServerProgram.started("--listen", "tls://127.0.0.1:0", "--tlsCert", cert, "--tlsKey", key);
    const socket = tls.connect({ port: program.port, host: "127.0.0.1", rejectUnauthorized: false });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    const wire = new RedisWire(socket);
    expect(await wire.call("SET", "a", "x".repeat(500_000))).toEqual({ status: "OK" });
    expect(await wire.call("GET", "a")).toBe("x".repeat(500_000));
    const main = new URL("../../../src/app/state-server.ts", import.meta.url).pathname;
    const refused = spawnSync(
      process.execPath,
      [main, "--data", join(directory, "d"), "--listen", "0.0.0.0:0", "--fsync", "never"],
      { encoding: "utf8" },
    );
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain("needs a password");
    expect(refused.stderr).toContain("always");
  });

  it("scans see every key that is there all the time once, whatever comes and goes", async () => {
    const program = await StateServerProgram.started("--fsync", "everysec");
    const wire = await program.connect();
    for (let i = 0; i < 300; i += 1) await wire.call("SET", `stay${i}`, "v");
    const seen: string[] = [];
    let cursor = "0";
    do {
      const [next, keys] = (await wire.call("SCAN", cursor, "MATCH", "stay*", "COUNT", "7")) as [string, string[]];
      seen.push(...keys);
      cursor = next;
      await wire.call("SET", `come${seen.length}`, "v");
      await wire.call("DEL", `come${seen.length - 14}`);
      // Other scans come between.
      for (let i = 0; i < 3; i += 1) await wire.call("SCAN", "0", "COUNT", String(20 + i));
    } while (cursor !== "0");
    expect(seen.filter((key) => key.startsWith("stay")).sort()).toEqual(Array.from({ length: 300 }, (_, i) => `stay${i}`).sort());
  });
});
