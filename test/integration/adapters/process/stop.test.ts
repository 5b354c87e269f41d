import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { instanceFiles, runs, SOFTLY, stateOf, testFleet } from "../../../support/fleet.ts";
import { APP, request } from "../../../support/fleet-request.ts";
import { until } from "../../../support/temp.ts";

const pidsIn = (state: string, instance = "web.r1.1"): number[] =>
  readFileSync(join(state, "apps", APP, "logs", `${instance}.log`), "utf8")
    .split("\n")
    .filter((line) => /^\d+$/.test(line))
    .map(Number);

describe("stop", () => {
  test("sends the signal, waits for the end and tells nobody of an exit", async () => {
    const { fleet, exits, state } = testFleet();
    const { pid } = await fleet.start(request("trap 'echo bye; exit 0' TERM; echo 1; while :; do sleep 0.01; done"));
    await until(() => pidsIn(state).length === 1);
    expect(await fleet.stop(APP, "web.r1.1", SOFTLY)).toBe("exited");
    expect(runs(pid)).toBe(false);
    expect(await fleet.logTail(APP, "web.r1.1", 1)).toEqual(["bye"]);
    expect(await instanceFiles(state).all()).toEqual([]);
    await fleet.start(request("exit 7", { instance: "web.r1.2" }));
    await until(() => exits.length > 0);
    expect(exits.map((exit) => exit.instance)).toEqual(["web.r1.2"]);
  });

  test("reports no exit even when the stopped child's end is noticed late", async () => {
    const { fleet, exits } = testFleet();
    const names = Array.from({ length: 30 }, (_, index) => `web.r1.${index + 1}`);
    await Promise.all(names.map((instance) => fleet.start(request("sleep 60", { instance }))));
    const outcomes = await Promise.all(names.map((instance) => fleet.stop(APP, instance, SOFTLY)));
    expect(new Set(outcomes)).toEqual(new Set(["exited"]));
    await fleet.start(request("exit 7", { instance: "web.r2.1" }));
    await until(() => exits.length > 0);
    expect(exits.map((exit) => exit.instance)).toEqual(["web.r2.1"]);
  });

  test("uses the signal it is given", async () => {
    const { fleet, state } = testFleet();
    await fleet.start(request("trap 'echo int; exit 0' INT; trap '' TERM; echo 1; while :; do sleep 0.01; done"));
    await until(() => pidsIn(state).length === 1);
    expect(await fleet.stop(APP, "web.r1.1", { signal: "SIGINT", graceMs: 10_000, epoch: 1 })).toBe("exited");
    expect(await fleet.logTail(APP, "web.r1.1", 1)).toEqual(["int"]);
  });

  test("reaches the whole group and waits for children that outlive the leader", async () => {
    const { fleet, state } = testFleet();
    // The leader goes at once; the child needs a moment after the signal.
    const child = "trap 'sleep 0.4; echo late; exit 0' TERM; echo $$; while :; do sleep 0.01; done";
    const { pid } = await fleet.start(request(`sh -c "${child.replaceAll("$", "\\$")}" & echo $$; wait`));
    const pids = await until(() => (pidsIn(state).length === 2 ? pidsIn(state) : null));
    expect(await fleet.stop(APP, "web.r1.1", SOFTLY)).toBe("exited");
    expect(pids).toContain(pid);
    expect(pids.filter(runs)).toEqual([]);
    expect(await fleet.logTail(APP, "web.r1.1", 1)).toEqual(["late"]);
  });

  test("ends with SIGKILL what ignores the signal, child and all, when the grace is over", async () => {
    const { fleet, state } = testFleet();
    await fleet.start(request(`trap '' TERM; sh -c 'echo $$; sleep 60' & echo $$; sleep 60`));
    const pids = await until(() => (pidsIn(state).length === 2 ? pidsIn(state) : null));
    const from = performance.now();
    expect(await fleet.stop(APP, "web.r1.1", { signal: "SIGTERM", graceMs: 300, epoch: 1 })).toBe("killed");
    expect(performance.now() - from).toBeGreaterThanOrEqual(299);
    expect(pids.filter(runs)).toEqual([]);
  });

  test("ends a process that is suspended", async () => {
    const { fleet } = testFleet();
    const { pid } = await fleet.start(request("sleep 60"));
    process.kill(pid, "SIGSTOP");
    await until(() => stateOf(pid) === "T");
    expect(await fleet.stop(APP, "web.r1.1", { signal: "SIGTERM", graceMs: 100, epoch: 1 })).toBe("killed");
    expect(runs(pid)).toBe(false);
  });

  test("ends the children that an instance left behind when it crashed", async () => {
    const { fleet, state, exits } = testFleet();
    await fleet.start(request("sh -c 'echo $$; sleep 60' & exec sh -c 'sleep 0.2; exit 9'"));
    const [child] = await until(() => (pidsIn(state).length === 1 ? pidsIn(state) : null));
    await until(() => exits.length === 1);
    expect(runs(child!)).toBe(true);
    expect(await fleet.stop(APP, "web.r1.1", SOFTLY)).toBe("exited");
    expect(runs(child!)).toBe(false);
    expect(exits).toHaveLength(1);
  });

  test("answers `gone` for an instance that nobody knows and for one that has ended, as often as it is asked", async () => {
    const { fleet, exits } = testFleet();
    expect(await fleet.stop(APP, "web.r9.9", SOFTLY)).toBe("gone");
    await fleet.start(request("exit 0"));
    await until(() => exits.length === 1);
    expect(await fleet.stop(APP, "web.r1.1", SOFTLY)).toBe("gone");
    expect(await fleet.stop(APP, "web.r1.1", SOFTLY)).toBe("gone");
  });

  test("may be asked twice at the same time", async () => {
    const { fleet, exits } = testFleet();
    const { pid } = await fleet.start(request("sleep 60"));
    const outcomes = await Promise.all([fleet.stop(APP, "web.r1.1", SOFTLY), fleet.stop(APP, "web.r1.1", SOFTLY)]);
    expect(outcomes).toContain("exited");
    expect(runs(pid)).toBe(false);
    expect(exits).toEqual([]);
  });

  test("by another fleet object ends what the first one started", async () => {
    const first = testFleet();
    const { pid } = await first.fleet.start(request("sleep 60"));
    const second = testFleet(first.state);
    expect(await second.fleet.stop(APP, "web.r1.1", SOFTLY)).toBe("exited");
    expect(runs(pid)).toBe(false);
  });
});
