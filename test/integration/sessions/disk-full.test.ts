import { spawnSync } from "node:child_process";
import { readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { silentLogger, type Logger } from "../../../src/base/log.ts";
import { Store } from "../../../src/sessions/store.ts";
import { NO_SMALL_DISK, smallDisk } from "../../support/small-disk.ts";
import { StateServerProgram } from "../../support/sessions/state-server-program.ts";
import { until } from "../../support/temp.ts";

const KB = 1_024;
const DISK = 1_024 * KB;
/** For what the test writes itself. */
const LEFT = 200 * KB;
const PAGE = 4 * KB;
const VALUE = "x".repeat(10 * KB);

/** Takes all the room there is but so many bytes; gives what makes it free again. */
function filled(disk: string, left = 0): () => void {
  const file = join(disk, "somebody-elses");
  let size = 0;
  for (let bytes = DISK; bytes >= PAGE;) {
    try {
      writeFileSync(file, Buffer.alloc(bytes), { flag: "a" });
      size += bytes;
    } catch {
      truncateSync(file, size);
      bytes = Math.floor(bytes / 2);
    }
  }
  truncateSync(file, size - left);
  return () => {
    rmSync(file);
  };
}

async function isFull(program: StateServerProgram): Promise<boolean> {
  const wire = await program.connect();
  const info = String(await wire.call("INFO", "persistence"));
  wire.close();
  return info.includes("aof_last_write_status:err");
}

/** Writes keys one after the other, each when the one before was acknowledged, until the disk is full. */
async function writtenUntilFull(program: StateServerProgram): Promise<{ acknowledged: string[]; last: Promise<unknown> }> {
  const wire = await program.connect();
  const acknowledged: string[] = [];
  const disk = { isFull: false };
  const last = (async (): Promise<unknown> => {
    for (let i = 0; !disk.isFull; i += 1) {
      const reply = await wire.call("SET", `k${String(i)}`, VALUE);
      acknowledged.push(`k${String(i)}`);
      expect(reply).toEqual({ status: "OK" });
    }
    return wire.call("SET", "after", "room");
  })();
  last.catch(() => undefined);
  await until(() => isFull(program), { what: "the disk is full" });
  disk.isFull = true;
  return { acknowledged: [...acknowledged], last };
}

async function expectAll(program: StateServerProgram, keys: readonly string[]): Promise<void> {
  const wire = await program.connect();
  for (const key of keys) expect(await wire.call("GET", key), key).toBe(VALUE);
  wire.close();
}

describe.skipIf(NO_SMALL_DISK !== null)("a state server whose disk is full", () => {
  test.each(["always", "everysec"])(
    "refuses writes, answers reads, and goes on by itself when there is room (%s)",
    async (fsync) => {
      const disk = smallDisk(DISK);
      const program = await StateServerProgram.startedIn(disk, "--fsync", fsync);
      const makeRoom = filled(disk, LEFT);
      const { acknowledged, last } = await writtenUntilFull(program);
      const wire = await program.connect();
      const misconf = { error: expect.stringMatching(/^MISCONF Errors writing to the log: ENOSPC/) as string };
      expect(await wire.call("SET", "other", "x")).toEqual(misconf);
      expect(await wire.call("DEL", ...acknowledged)).toEqual(misconf);
      await expectAll(program, acknowledged);
      makeRoom();
      // What was under way is done then, and nobody has to ask again.
      expect(await last).toEqual({ status: "OK" });
      expect(await wire.call("SET", "other", VALUE)).toEqual({ status: "OK" });
      await program.kill();
      await program.start();
      await expectAll(program, [...acknowledged, "other"]);
      expect(program.processes().length).toBe(1);
    },
  );

  test("which is killed then, has everything that was acknowledged when it starts again", async () => {
    const disk = smallDisk(DISK);
    const program = await StateServerProgram.startedIn(disk);
    const makeRoom = filled(disk, LEFT);
    const { acknowledged } = await writtenUntilFull(program);
    await program.kill();
    makeRoom();
    await program.start();
    await expectAll(program, acknowledged);
  });
});

interface Opened {
  readonly store: Store;
  /** Errors that were logged. */
  readonly errors: string[];
  broken: string | null;
  /** Sets keys of database 0, and waits until that is on disk. */
  set(names: readonly string[], value?: string): Promise<void>;
}

async function opened(directory: string, compactAbove: number): Promise<Opened> {
  const errors: string[] = [];
  const log: Logger = {
    ...silentLogger,
    error: (message) => {
      errors.push(message);
    },
  };
  const found: Opened = {
    errors,
    broken: null,
    store: new Store({
      directory,
      policy: "always",
      memoryMax: 100 * DISK,
      compactAbove,
      log,
      onSettled: () => undefined,
      onBroken: (why) => {
        found.broken = why;
      },
    }),
    set: async (names, value = VALUE) => {
      const { keyspace, log: file } = found.store;
      for (const name of names) {
        keyspace.set(keyspace.databases[0]!, name, value, 0);
        const batch = file.pending;
        await until(() => file.settled >= batch || found.broken !== null, { what: `${name} is on disk` });
      }
    },
  };
  await found.store.load();
  found.store.open();
  found.store.start();
  onTestFinished(async () => {
    if (found.broken === null) await found.store.close();
  });
  return found;
}

const COULD_NOT = "the log could not be compacted; it goes on growing";
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `k${String(i)}`);
const filesOf = (directory: string, end: string): string[] => readdirSync(directory).filter((name) => name.endsWith(end));

async function keysOn(directory: string): Promise<readonly string[]> {
  const { store } = await opened(directory, 100 * DISK);
  const keys = [...store.keyspace.databases[0]!.entries.keys()];
  await store.close();
  return keys;
}

describe.skipIf(NO_SMALL_DISK !== null)("a snapshot for which there is no room", () => {
  test("leaves the files as they are and takes no room; it is not tried again with every change, but later by itself", async () => {
    const disk = smallDisk(DISK);
    const one = await opened(disk, 560 * KB);
    // 550 KB, of which all are needed: a snapshot does not fit beside the log.
    await one.set(names(57));
    await until(() => one.errors.includes(COULD_NOT), { what: "the snapshot does not fit" });
    await until(() => !one.store.isCompacting);
    expect(filesOf(disk, ".part")).toEqual([]);
    expect(filesOf(disk, ".hlog").every((name) => name.startsWith("log-"))).toBe(true);
    for (let i = 0; i < 20; i += 1) await one.set([`small${String(i)}`], "x");
    expect(one.errors.filter((message) => message === COULD_NOT)).toHaveLength(1);
    expect(one.broken).toBeNull();

    expect(spawnSync("mount", ["-o", `remount,size=${String(8 * DISK)}`, disk]).status).toBe(0);
    await one.set(names(30));
    await until(() => filesOf(disk, ".hlog").some((name) => name.startsWith("base-")), { what: "it is tried again" });
    await until(() => !one.store.isCompacting);
    await one.store.close();
    expect((await keysOn(disk)).length).toBe(77);
  });

  test("not even for the beginning of a file: what is written goes on where it was", async () => {
    const disk = smallDisk(DISK);
    const one = await opened(disk, 19 * KB);
    await one.set(["a", "b"], "x".repeat(9 * KB));
    const makeRoom = filled(disk);
    // These find room in the last page of the log, and make it large enough for a snapshot.
    for (let i = 0; i < 20 && !one.errors.includes(COULD_NOT); i += 1) {
      await one.set([`c${String(i)}`], "x".repeat(100));
    }
    await until(() => one.errors.includes(COULD_NOT), { what: "no file can be begun" });
    await until(() => !one.store.isCompacting);
    expect(readdirSync(disk).sort()).toEqual(["log-00000001.hlog", "somebody-elses"]);
    makeRoom();
    await one.set(["after"]);
    expect(one.broken).toBeNull();
    await one.store.close();
    expect(await keysOn(disk)).toEqual(expect.arrayContaining(["a", "b", "c0", "after"]));
  });
});
