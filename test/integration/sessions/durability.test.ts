import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { until } from "../../support/temp.ts";
import type { RedisWire } from "../../support/sessions/redis-wire.ts";
import { StateServerProgram } from "../../support/sessions/state-server-program.ts";

const KILLS = 100;
const WRITERS = 8;

/** Writes numbers under keys of its own until the connection is lost; remembers what was acknowledged last and what was sent behind it. */
async function write(
  wire: RedisWire,
  writer: number,
  book: Map<string, { acknowledged: number; sent: number }>,
  from: number,
): Promise<number> {
  let number = from;
  try {
    for (;;) {
      number += 1;
      const key = `w${writer}:${number % 5}`;
      const before = book.get(key)?.acknowledged ?? 0;
      book.set(key, { acknowledged: before, sent: number });
      const kind = number % 3;
      if (kind === 0) {
        wire.socket.write("*1\r\n$5\r\nMULTI\r\n");
        await wire.next();
        void wire.call("SET", `${key}:twin`, String(number)).catch(() => undefined);
        void wire.call("SET", key, String(number)).catch(() => undefined);
        await wire.call("EXEC");
      } else await wire.call(kind === 1 ? "SETEX" : "PSETEX", key, "1000000", String(number));
      book.set(key, { acknowledged: number, sent: number });
    }
  } catch {
    return number;
  }
}

async function everythingIsThere(
  program: StateServerProgram,
  book: Map<string, { acknowledged: number; sent: number }>,
): Promise<void> {
  const wire = await program.connect();
  for (const [key, { acknowledged, sent }] of book) {
    const found = Number(await wire.call("GET", key));
    expect([acknowledged, sent], `${key} after ${program.log}`).toContain(found);
    // Both halves of a transaction, or none.
    if (found % 3 === 0 && found > 0) expect(Number(await wire.call("GET", `${key}:twin`))).toBe(found);
    book.set(key, { acknowledged: found, sent: found });
  }
  wire.close();
}

/** A state server that was killed, and the file that it wrote last. */
async function killedWithFiftyKeys(): Promise<{ readonly program: StateServerProgram; readonly path: string }> {
  const program = await StateServerProgram.started();
  const wire = await program.connect();
  for (let i = 0; i < 50; i += 1) await wire.call("SET", `k${i}`, "v".repeat(100));
  await program.kill();
  const [log] = readdirSync(program.data).filter((name) => name.startsWith("log-"));
  const path = join(program.data, log!);
  return { program, path };
}

describe("what was acknowledged", () => {
  it(`is there after kill -9 during writes, ${KILLS} times`, { timeout: 240_000 }, async () => {
    const program = await StateServerProgram.started();
    const book = new Map<string, { acknowledged: number; sent: number }>();
    let number = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const wires = await Promise.all(Array.from({ length: WRITERS }, () => program.connect()));
      const writing = wires.map((wire, writer) => write(wire, writer, book, number));
      const acknowledged = (): number => [...book.values()].reduce((sum, one) => sum + one.acknowledged, 0);
      const before = acknowledged();
      await until(() => acknowledged() > before + kill);
      await program.kill();
      number = Math.max(...(await Promise.all(writing)));
      await program.start();
      await everythingIsThere(program, book);
    }
    expect(readdirSync(program.data).filter((name) => name.endsWith(".hlog")).length).toBeLessThan(25);
  });

  it("is there after the end of the log was torn, and after a part in its midst was destroyed", async () => {
    const { program, path } = await killedWithFiftyKeys();
    appendFileSync(path, Buffer.from("HLog\x10\x27\0\0 half a frame"));
    await program.start();
    expect(program.log).toContain("was not written whole and is dropped");
    await program.kill();

    const bytes = readFileSync(path);
    bytes.fill(0xee, bytes.length / 2, bytes.length / 2 + 30);
    writeFileSync(path, bytes);
    await program.start();
    const again = await program.connect();
    const size = Number(await again.call("DBSIZE"));
    expect(size).toBeGreaterThanOrEqual(48);
    expect(size).toBeLessThan(50);
    expect(program.log).toContain("could not be read; what stands behind it was");
    // What is left was put into a new snapshot at once, and the damaged file is kept for people to look at.
    await until(() => readdirSync(program.data).some((name) => name.endsWith(".damaged")));
    await program.kill();
    await program.start();
    const third = await program.connect();
    expect(Number(await third.call("DBSIZE"))).toBe(size);
  });

  it("stands before zeros while a server runs; nobody takes what a killed one leaves of them for damage", async () => {
    const { program, path } = await killedWithFiftyKeys();
    const made = readFileSync(path);
    const written = made.subarray(0, made.findLastIndex((byte) => byte !== 0) + 1);
    expect(made.length).toBeGreaterThan(written.length);
    await program.start();
    expect(program.log).not.toContain("was not written whole");
    expect(Number(await (await program.connect()).call("DBSIZE"))).toBe(50);
    expect(readFileSync(path)).toEqual(written);
  });

  it("is there after the log was compacted while it was written", { timeout: 60_000 }, async () => {
    const program = await StateServerProgram.started("--fsync", "everysec");
    const wire = await program.connect();
    const value = "x".repeat(200_000);
    // 100 MB in all, of which 2 MB count: more than what a log may have.
    for (let i = 0; i < 500; i += 1) {
      await wire.call("SET", `k${i % 10}`, `${value}${i}`);
      if (i % 50 === 0) await wire.call("HSET", "hash", `f${i}`, String(i));
    }
    await until(() => program.log.includes("the log was compacted"));
    await program.kill();
    await program.start();
    const again = await program.connect();
    for (let i = 490; i < 500; i += 1) expect(await again.call("GET", `k${i % 10}`)).toBe(`${value}${i}`);
    expect(Number(await again.call("HLEN", "hash"))).toBe(10);
    const files = readdirSync(program.data).filter((name) => name.endsWith(".hlog"));
    expect(files.reduce((sum, name) => sum + statSync(join(program.data, name)).size, 0)).toBeLessThan(70_000_000);
  });

  it("goes when its time has come, also while nobody asks, and does not come back", async () => {
    const program = await StateServerProgram.started();
    const wire = await program.connect();
    await wire.call("SET", "short", "v", "PX", "50");
    await wire.call("HSET", "hash", "f", "v");
    await wire.call("PEXPIRE", "hash", "50");
    await wire.call("SET", "long", "v", "EX", "1000");
    await until(async () => Number(await wire.call("DBSIZE")) === 1);
    await wire.call("HSET", "hash", "g", "w");
    await program.kill();
    await program.start();
    const again = await program.connect();
    expect(await again.call("HGETALL", "hash")).toEqual(["g", "w"]);
    expect(await again.call("TTL", "hash")).toBe(-1n);
    expect(await again.call("GET", "short")).toBeNull();
    expect(await again.call("GET", "long")).toBe("v");
  });

  it("one server at a time has a directory", async () => {
    const program = await StateServerProgram.started();
    const { child } = program;
    const second = program.spawn();
    expect(await new Promise((resolve) => second.once("exit", resolve))).toBe(1);
    expect(program.log).toContain("ERR_STATE_SERVER_RUNNING");
    program.child = child;
    expect(await program.answers()).toBe(true);
  });
});
