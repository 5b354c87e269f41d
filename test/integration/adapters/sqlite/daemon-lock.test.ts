import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { acquireDaemonLock } from "../../../../src/adapters/sqlite/daemon-lock.ts";
import { temporaryDirectory } from "../../../support/temp.ts";

const HOLDER = join(import.meta.dirname, "holder.ts");

async function holder(directory: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [HOLDER, directory], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

test("the daemon lock refuses a second process, says which one has it, and is free as soon as that is killed", async () => {
  const directory = temporaryDirectory();
  const child = await holder(directory);
  expect(() => acquireDaemonLock(directory)).toThrow(
    expect.objectContaining({
      code: "ERR_DAEMON_RUNNING",
      message: expect.stringContaining(`process ${child.pid!}`) as string,
    }) as Error,
  );
  expect(() => acquireDaemonLock(directory)).toThrow(/already works on/);
  child.kill("SIGKILL");
  await once(child, "exit");
  const lock = acquireDaemonLock(directory);
  expect(() => acquireDaemonLock(directory)).toThrow(/already works on/);
  lock.release();
});

test("the daemon lock is free after its release, for another process too", async () => {
  const directory = temporaryDirectory();
  acquireDaemonLock(directory).release();
  expect(existsSync(join(directory, "daemon.json"))).toBe(false);
  const child = await holder(directory);
  expect(() => acquireDaemonLock(directory)).toThrow(expect.objectContaining({ code: "ERR_DAEMON_RUNNING" }) as Error);
  child.kill("SIGKILL");
});

test("the daemon lock of one directory is no other's", () => {
  const locks = [acquireDaemonLock(temporaryDirectory()), acquireDaemonLock(temporaryDirectory())];
  for (const lock of locks) lock.release();
});

test("the word of who has the lock is for the owner only", () => {
  const directory = temporaryDirectory();
  const lock = acquireDaemonLock(directory);
  expect(statSync(join(directory, "daemon.json")).mode & 0o777).toBe(0o600);
  lock.release();
});

test("a state directory that cannot be used is ERR_STATE_DIRECTORY", () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "taken", "daemon.lock"), { recursive: true });
  for (const name of ["missing", "taken"]) {
    expect(() => acquireDaemonLock(join(directory, name)), name).toThrow(
      expect.objectContaining({ code: "ERR_STATE_DIRECTORY" }) as Error,
    );
  }
});
