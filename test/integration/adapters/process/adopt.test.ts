import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { identityOf } from "../../../../src/adapters/process/proc.ts";
import type { Started } from "../../../../src/ports/fleet.ts";
import { instanceFiles, runs, SOFTLY, stateOf, testFleet } from "../../../support/fleet.ts";
import { APP, request } from "../../../support/fleet-request.ts";
import { temporaryDirectory, until } from "../../../support/temp.ts";

const STARTER = join(import.meta.dirname, "starter.ts");

/** A process that is no instance, in a group of its own. */
async function bystander(env: Record<string, string> = {}): Promise<number> {
  const child = spawn("sleep", ["60"], { detached: true, stdio: "ignore", env: { ...process.env, ...env } });
  await once(child, "spawn");
  onTestFinished(() => void child.kill("SIGKILL"));
  return child.pid!;
}

describe("adoption", () => {
  test("by a second fleet object finds what runs and reports its exit, and not what has ended", async () => {
    const first = testFleet();
    const { pid } = await first.fleet.start(request("sleep 60"));
    await first.fleet.start(request("exit 1", { instance: "web.r1.2" }));
    await until(() => first.exits.length === 1);
    first.fleet.close();

    const { fleet, exits } = testFleet(first.state);
    expect(await fleet.adopt(APP)).toEqual(["web.r1.1"]);
    expect(exits).toEqual([]);
    process.kill(pid, "SIGKILL");
    await until(() => exits.length > 0);
    expect(exits).toEqual([{ app: APP, instance: "web.r1.1", how: "is gone" }]);
    expect(await fleet.adopt(APP)).toEqual([]);
  });

  test("of nothing is an empty list", async () => {
    expect(await testFleet().fleet.adopt("nobody")).toEqual([]);
  });

  test("by a new process after kill -9 of the first finds every instance alive", async () => {
    const state = temporaryDirectory();
    const { fleet, exits } = testFleet(state);
    const names = ["web.r1.1", "web.r1.2", "worker.r1.3"];
    const daemon = spawn(process.execPath, [STARTER, state, ...names], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(daemon.stdout, "data")) as [Buffer];
    const started = JSON.parse(line.toString()) as Started[];
    daemon.kill("SIGKILL");
    await once(daemon, "exit");

    expect(started.map(({ pid }) => runs(pid))).toEqual([true, true, true]);
    expect([...(await fleet.adopt(APP))].sort()).toEqual(names);
    expect(await fleet.start(request("sleep 60", { instance: names[1]! }))).toEqual(started[1]);
    process.kill(started[0]!.pid, "SIGKILL");
    await until(() => exits.length > 0);
    expect(exits).toEqual([{ app: APP, instance: "web.r1.1", how: "is gone" }]);
    expect(await fleet.stop(APP, "web.r1.2", SOFTLY)).toBe("exited");
    expect(runs(started[1]!.pid)).toBe(false);
  });

  test("keeps the logs of what runs when old logs are thrown away", async () => {
    const { fleet, state } = testFleet();
    await fleet.start(request("sleep 60"));
    const logs = join(state, "apps", APP, "logs");
    for (let number = 100; number < 170; number += 1) {
      const path = join(logs, `web.r0.${number}.log`);
      writeFileSync(path, "old");
      writeFileSync(`${path}.1`, "older");
      utimesSync(path, number, number);
    }
    utimesSync(join(logs, "web.r1.1.log"), 1, 1);
    await fleet.adopt(APP);
    const kept = readdirSync(logs);
    expect(kept).toContain("web.r1.1.log");
    expect(kept.filter((name) => name.startsWith("web.r0.") && name.endsWith(".log"))).toHaveLength(50);
    expect(kept.filter((name) => name.endsWith(".1"))).toHaveLength(50);
    expect(kept).toContain("web.r0.169.log");
    expect(kept).not.toContain("web.r0.119.log");
  });
});

describe("after a crash between spawn and record", () => {
  test("the running process is found again by its token, adopted, and started no second time", async () => {
    const { state } = testFleet();
    const token = "11111111-2222-3333-4444-555555555555";
    const pid = await bystander({ HITLESS_TOKEN: token });
    await instanceFiles(state).write({ instance: "web.r1.1", port: 4321, token, process: null });

    const { fleet, exits } = testFleet(state);
    expect(await fleet.adopt(APP)).toEqual(["web.r1.1"]);
    expect(await instanceFiles(state).read("web.r1.1")).toMatchObject({ process: identityOf(pid) });
    expect(await fleet.start(request("sleep 60"))).toEqual({ pid, host: "127.0.0.1", port: 4321 });
    process.kill(pid, "SIGKILL");
    await until(() => exits.length > 0);
    expect(exits.map((exit) => exit.how)).toEqual(["is gone"]);
  });

  test("a repeated start alone finds it too", async () => {
    const { fleet, state } = testFleet();
    const token = "21111111-2222-3333-4444-555555555555";
    const pid = await bystander({ HITLESS_TOKEN: token });
    await instanceFiles(state).write({ instance: "web.r1.1", port: 4321, token, process: null });
    expect(await fleet.start(request("sleep 60"))).toEqual({ pid, host: "127.0.0.1", port: 4321 });
  });

  test("stop ends it, and what is left of its group when its leader has gone", async () => {
    const { fleet, state } = testFleet();
    const token = "31111111-2222-3333-4444-555555555555";
    const leader = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, HITLESS_TOKEN: token },
    });
    const [line] = (await once(leader.stdout, "data")) as [Buffer];
    const child = Number(line.toString());
    leader.kill("SIGKILL");
    await once(leader, "exit");
    expect(runs(child)).toBe(true);
    await instanceFiles(state).write({ instance: "web.r1.1", port: 4321, token, process: null });
    expect(await fleet.adopt(APP)).toEqual([]);
    expect(await fleet.stop(APP, "web.r1.1", SOFTLY)).toBe("exited");
    expect(runs(child)).toBe(false);
  });

  test("what was never spawned is not adopted, and a repeated start starts it", async () => {
    const { fleet, state } = testFleet();
    await instanceFiles(state).write({ instance: "web.r1.1", port: 4321, token: "never", process: null });
    expect(await fleet.adopt(APP)).toEqual([]);
    const { pid } = await fleet.start(request("sleep 60"));
    expect(runs(pid)).toBe(true);
    expect(await fleet.adopt(APP)).toEqual(["web.r1.1"]);
  });
});

describe("a pid that another process has taken over", () => {
  test.each([
    ["start time", (pid: number) => ({ ...identityOf(pid)!, startTime: "1" })],
    ["boot", (pid: number) => ({ ...identityOf(pid)!, boot: "another boot" })],
  ])("is neither adopted nor signalled (wrong %s)", async (_title, recorded) => {
    const { fleet, state, exits } = testFleet();
    const pid = await bystander();
    await instanceFiles(state).write({ instance: "web.r1.1", port: 4321, token: "gone", process: recorded(pid) });
    expect(await fleet.adopt(APP)).toEqual([]);
    expect(await fleet.stop(APP, "web.r1.1", { signal: "SIGKILL", graceMs: 0, epoch: 1 })).toBe("gone");
    // A signal that was sent would have arrived before this process answers a second one.
    process.kill(pid, "SIGSTOP");
    await until(() => !runs(pid) || stateOf(pid) === "T");
    expect(runs(pid)).toBe(true);
    expect(exits).toEqual([]);
  });
});

test("a file that is no record in the directory of records is left alone", async () => {
  const { fleet, state } = testFleet();
  const { pid } = await fleet.start(request("sleep 60"));
  const directory = join(state, "apps", APP, "instances");
  writeFileSync(join(directory, ".web.r1.2.json.half"), "{");
  mkdirSync(join(directory, "notes"));
  expect(await fleet.adopt(APP)).toEqual(["web.r1.1"]);
  expect(runs(pid)).toBe(true);
});
