import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { SqliteStore } from "../../../../src/adapters/sqlite/store.ts";
import { storeContract } from "../../../contract/store.ts";
import { APP, command, deployment, entry, note, stateAt } from "../../../support/journal.ts";
import { NO_SMALL_DISK, smallDisk } from "../../../support/small-disk.ts";
import { temporaryDirectory } from "../../../support/temp.ts";

const APPENDER = join(import.meta.dirname, "appender.ts");
const OPENER = join(import.meta.dirname, "opener.ts");

function openStore(directory: string = temporaryDirectory()): SqliteStore {
  const store = new SqliteStore(directory);
  onTestFinished(() => {
    store.close();
  });
  return store;
}

/** Starts a writer, lets it append that often, and kills it without a warning. Gives the last number it had said. */
async function writeUntilKilled(directory: string, appends: number): Promise<number> {
  const writer = spawn(process.execPath, [APPENDER, directory], { stdio: ["ignore", "pipe", "inherit"] });
  let said = 0;
  let count = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    said = Number(line);
    count += 1;
    if (count === appends) writer.kill("SIGKILL");
  }
  if (writer.signalCode === null && writer.exitCode === null) await once(writer, "exit");
  expect(writer.signalCode).toBe("SIGKILL");
  return said;
}

describe("the store in SQLite", () => {
  storeContract(() => openStore());
});

/** A process that opens each journal it is told, and what it says of the next. */
function openerProcess(): { open(directory: string): Promise<unknown> } {
  const opener = spawn(process.execPath, [OPENER], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void opener.kill("SIGKILL"));
  const lines = createInterface({ input: opener.stdout })[Symbol.asyncIterator]();
  return {
    open: async (directory) => {
      opener.stdin.write(`${directory}\n`);
      return (await lines.next()).value;
    },
  };
}

test("a new journal may be opened by four daemons at once: one makes it, all have it", async () => {
  const openers = Array.from({ length: 4 }, openerProcess);
  for (let round = 0; round < 12; round += 1) {
    const directory = temporaryDirectory();
    expect(await Promise.all(openers.map((opener) => opener.open(directory)))).toEqual(["open", "open", "open", "open"]);
  }
});

describe("the journal file", () => {
  test("holds everything when it is opened again", async () => {
    const directory = temporaryDirectory();
    const first = new SqliteStore(directory);
    await first.openEpoch(APP, 0);
    await first.append(APP, entry(1, { commands: [command("c1")], notes: [note("one")] }));
    await first.append(APP, entry(2, { commands: [command("c2")] }));
    await first.saveSnapshot(APP, 1, stateAt(2));
    await first.saveDeployment(APP, deployment("d1"));
    first.close();

    const second = openStore(directory);
    expect(await second.load(APP)).toEqual({
      snapshot: { seq: 1, state: stateAt(2) },
      entries: [entry(2, { commands: [command("c2")] })],
      unsettled: [command("c1"), command("c2")],
    });
    expect(await second.notes(APP, "d1", 0)).toHaveLength(1);
    expect(await second.deployments(APP, 5)).toEqual([deployment("d1")]);
    expect(await second.openEpoch(APP, 0)).toBe(2);
  });

  test("scenario 81: fences a writer that still has it open when another one opens an epoch", async () => {
    const directory = temporaryDirectory();
    const [first, second] = [openStore(directory), openStore(directory)];
    await first.openEpoch(APP, 0);
    await first.append(APP, entry(1));
    expect(await second.openEpoch(APP, 0)).toBe(2);
    await expect(first.append(APP, entry(2))).rejects.toMatchObject({ code: "ERR_STALE_EPOCH" });
    await second.append(APP, entry(2, { epoch: 2 }));
    expect((await second.load(APP)).entries).toHaveLength(2);
  });

  test("has whole entries in an unbroken sequence after each of five writers was killed while it appended", async () => {
    const directory = temporaryDirectory();
    for (const appends of [1, 7, 30, 11, 42]) {
      const said = await writeUntilKilled(directory, appends);
      const store = new SqliteStore(directory);
      const { snapshot, entries, unsettled } = await store.load(APP);
      const last = entries.at(-1)?.seq ?? snapshot?.seq ?? 0;
      expect(last).toBeGreaterThanOrEqual(said);
      const from = snapshot?.seq ?? 0;
      expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: last - from }, (_, index) => from + 1 + index));
      expect(entries.every(({ seq, commands }) => commands.length === 2 && commands[0]?.id === `${seq}.a`)).toBe(true);
      // Every entry settles one command of the one before: the other ones, and the last one's first, are left.
      const wanted = Array.from({ length: last }, (_, index) => `${index + 1}.b`);
      expect(unsettled.map(({ id }) => id).sort()).toEqual([...wanted, `${last}.a`].sort());
      expect(await store.notes(APP, "d1", 0)).toHaveLength(3 * last);
      store.close();
    }
    const database = new DatabaseSync(join(directory, "hitless.db"));
    expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    database.close();
  });

  test("may be read and written by its owner only, with the files beside it, whatever the umask", async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const directory = temporaryDirectory();
    const store = openStore(directory);
    await store.openEpoch(APP, 0);
    await store.append(APP, entry(1));
    const modes = readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mode & 0o777]);
    expect(Object.fromEntries(modes)).toEqual({ "hitless.db": 0o600, "hitless.db-wal": 0o600, "hitless.db-shm": 0o600 });
  });

  test("keeps the latest 200 deployments with their notes, and no longer than that", async () => {
    const store = openStore();
    await store.openEpoch(APP, 0);
    await store.append(APP, entry(1, { notes: [note("old")], deployment: "d1" }));
    await store.append(APP, entry(2, { notes: [note("kept")], deployment: "d2" }));
    for (let number = 1; number <= 201; number += 1) await store.saveDeployment(APP, deployment(`d${number}`));
    const kept = await store.deployments(APP, 1_000);
    expect(kept).toHaveLength(200);
    expect(kept.at(-1)?.name).toBe("d2");
    expect(await store.notes(APP, "d1", 0)).toEqual([]);
    expect(await store.notes(APP, "d2", 0)).toHaveLength(1);
  });

  test("does not grow without end: entries far behind a snapshot go, and the numbering goes on", async () => {
    const store = openStore(temporaryDirectory());
    await store.openEpoch(APP, 0);
    await store.saveSnapshot(APP, 4_998, stateAt(1));
    for (const seq of [4_999, 5_000]) await store.append(APP, entry(seq));
    await store.saveSnapshot(APP, 7_000, stateAt(2));
    await store.append(APP, entry(7_001));
    expect((await store.load(APP)).entries).toEqual([entry(7_001)]);
  });
});

describe("a journal that cannot be opened", () => {
  test("is ERR_STATE_DIRECTORY: the directory is missing, is a file, or holds something else under the name", () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "file"), "");
    mkdirSync(join(directory, "taken", "hitless.db"), { recursive: true });
    mkdirSync(join(directory, "garbled"));
    writeFileSync(join(directory, "garbled", "hitless.db"), "this is no database".repeat(100));
    for (const name of ["missing", "file", "taken", "garbled"]) {
      expect(() => new SqliteStore(join(directory, name)), name).toThrow(
        expect.objectContaining({ code: "ERR_STATE_DIRECTORY" }) as Error,
      );
    }
  });

  test.skipIf(process.getuid?.() === 0)(
    "is ERR_STATE_DIRECTORY: the directory may not be written (root may: skipped for root)",
    () => {
      const directory = temporaryDirectory();
      chmodSync(directory, 0o500);
      expect(() => new SqliteStore(directory)).toThrow(expect.objectContaining({ code: "ERR_STATE_DIRECTORY" }) as Error);
      chmodSync(directory, 0o700);
    },
  );

  test("is ERR_STATE_DIRECTORY: a newer Hitless has written it, and it is left as it was", () => {
    const directory = temporaryDirectory();
    const path = join(directory, "hitless.db");
    const newer = new DatabaseSync(path);
    newer.exec("CREATE TABLE future (x); PRAGMA user_version = 999");
    newer.close();
    expect(() => new SqliteStore(directory)).toThrow(/written by a newer Hitless/);
    const again = new DatabaseSync(path);
    expect(again.prepare("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "future" }]);
    again.close();
  });
});

test.skipIf(NO_SMALL_DISK !== null)(
  `a full disk refuses an entry whole, and takes it when there is room${NO_SMALL_DISK === null ? "" : ` (skipped: ${NO_SMALL_DISK})`}`,
  async () => {
    const directory = smallDisk(512 * 1024);
    const store = openStore(directory);
    await store.openEpoch(APP, 0);
    await store.append(APP, entry(1));
    const ballast = join(directory, "ballast");
    fill(ballast);
    let seq = 2;
    const big = (): ReturnType<typeof entry> =>
      entry(seq, {
        event: { kind: "output.written", lines: ["x".repeat(20_000)], at: 1 },
        notes: [note("y")],
        commands: [command(String(seq))],
      });
    await expect(
      (async () => {
        for (; seq < 1_000; seq += 1) await store.append(APP, big());
      })(),
    ).rejects.toThrow(/full/);
    const { entries, unsettled } = await store.load(APP);
    expect(entries.map((one) => one.seq)).toEqual(Array.from({ length: seq - 1 }, (_, index) => index + 1));
    expect(unsettled).toHaveLength(seq - 2);
    rmSync(ballast);
    await store.append(APP, big());
    expect((await store.load(APP)).entries.at(-1)?.seq).toBe(seq);
  },
);

/** Takes all the room there is. */
function fill(path: string): void {
  for (let size = 1 << 20; size >= 1_024; size /= 2) {
    try {
      writeFileSync(path, "x".repeat(size), { flag: "a" });
      size *= 2;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}
