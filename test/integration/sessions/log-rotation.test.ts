import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { Keyspace } from "../../../src/sessions/data/keyspace.ts";
import { Replay } from "../../../src/sessions/data/replay.ts";
import { LogFiles } from "../../../src/sessions/log/log-files.ts";
import { LogLoader } from "../../../src/sessions/log/log-loader.ts";
import { Log, type SyncPolicy } from "../../../src/sessions/log/log.ts";
import { RecordWriter } from "../../../src/sessions/log/records.ts";
import { temporaryDirectory } from "../../support/temp.ts";

/** A directory in which no file can be made, or none made safe, for as long as somebody says so. */
class FailingFiles extends LogFiles {
  fails: "name" | "sync" | null = null;

  override log(number: number): string {
    return this.fails === "name" ? join(this.directory, "not-there", "log") : super.log(number);
  }

  override sync(): void {
    if (this.fails === "sync") throw new Error("EIO");
    super.sync();
  }
}

function keysOn(directory: string): readonly string[] {
  const nothing = { onChange: () => undefined, onExpired: () => undefined, onClear: () => undefined };
  const keyspace = new Keyspace({ ...nothing, effects: () => new RecordWriter() });
  new LogLoader(new LogFiles(directory), new Replay(keyspace), silentLogger).finish();
  return [...keyspace.databases[0]!.entries.keys()];
}

const cases = (["always", "everysec"] as const).flatMap((policy) => (["name", "sync"] as const).map((fails) => [policy, fails]));
test.each(cases as [SyncPolicy, "name" | "sync"][])(
  "where no new file of the log can be begun the present one goes on, and another one is begun when it can be (%s, %s)",
  async (policy, fails) => {
    const files = new FailingFiles(temporaryDirectory());
    let broken: string | null = null;
    const onBroken = (why: string): void => {
      broken = why;
    };
    const log = new Log({ files, number: 1, policy, log: silentLogger, events: { onSettled: () => undefined, onBroken } });
    onTestFinished(() => log.close());
    const write = async (key: string): Promise<void> => {
      log.records.set(0, key, "value", 0);
      const batch = log.pending;
      await log.flush();
      expect(log.settled).toBeGreaterThanOrEqual(batch);
    };
    await write("before");
    files.fails = fails;
    await expect(log.rotate()).rejects.toThrow(fails === "name" ? "ENOENT" : "EIO");
    await write("meanwhile");
    expect([log.number, broken, log.unwritable]).toEqual([1, null, null]);
    expect(readdirSync(files.directory)).toEqual(["log-00000001.hlog"]);
    files.fails = null;
    expect(await log.rotate()).toBe(2);
    await write("after");
    expect(keysOn(files.directory)).toEqual(["before", "meanwhile", "after"]);
  },
);
