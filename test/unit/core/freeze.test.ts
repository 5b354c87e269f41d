import { describe, expect, test } from "vitest";
import { parseDailyWindow } from "../../../src/base/daily-window.ts";
import type { Command } from "../../../src/core/command.ts";
import { frozenAt, type FreezeWindow } from "../../../src/core/freeze.ts";
import { deployed, webOnly } from "../../support/core-run.ts";

const isTimer = ({ kind }: Command): boolean => kind === "timer.set";
const NIGHTS: FreezeWindow = { name: "nights", window: parseDailyWindow("22:00-06:00 Europe/Vienna") };
const WEEKEND: FreezeWindow = {
  name: "weekend",
  window: { kind: "cron", cron: "0 16 * * 5", forMs: 56 * 3_600_000, timeZone: "Europe/Vienna" },
};

describe("what is frozen", () => {
  const at = (time: string): string => {
    const frozen = frozenAt([NIGHTS, WEEKEND], Date.parse(time));
    return frozen === null
      ? "nothing"
      : `${frozen.window} until ${frozen.until === null ? "ever" : new Date(frozen.until).toISOString().slice(0, 16)}`;
  };

  test("is what an open window says, until none is open any more", () => {
    expect(at("2026-01-07T12:00Z")).toBe("nothing");
    expect(at("2026-01-07T22:00Z")).toBe("nights until 2026-01-08T05:00");
    // The weekend ends at midnight, in the middle of a night.
    expect(at("2026-01-10T12:00Z")).toBe("weekend until 2026-01-12T05:00");
  });

  test("ends by the clock of its time zone when the clocks change", () => {
    expect(at("2026-03-28T22:00Z")).toBe("nights until 2026-03-30T04:00");
    expect(at("2026-10-25T02:00Z")).toBe("nights until 2026-10-26T05:00");
  });

  test("is for ever what never closes", () => {
    const always: FreezeWindow = { name: "always", window: parseDailyWindow("00:00-24:00 UTC") };
    expect(frozenAt([always], 0)).toEqual({ window: "always", until: null });
  });
});

describe("scenario 108: while a window is open", () => {
  const frozen = { window: "weekend", until: 2_000_000 };
  const spec = { ...webOnly(2), freeze: [WEEKEND] };

  test("a deployment is refused, with the window and its end; nothing has changed", () => {
    const run = deployed(1, spec);
    const { refusal } = run.deploy(spec, { frozen });
    expect(refusal).toMatchObject({ code: "ERR_FROZEN" });
    expect(refusal?.why).toBe('The window "weekend" is open until 1970-01-01T00:33:20.000Z.');
    expect(run.deploy(spec, { frozen, whenBusy: "supersede" }).refusal?.code).toBe("ERR_FROZEN");
  });

  test("one with a reason begins, and the reason is on record", () => {
    const run = deployed(1, spec);
    run.deploy(spec, { frozen, override: "the checkout is down" });
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "done", override: "the checkout is down" });
    expect(run.notes.join("\n")).toContain("alice deploys r2, whatever is frozen: the checkout is down");
  });

  test("rollbacks, restarts and changes of size are allowed", () => {
    const run = deployed(2, spec);
    expect(run.rollback().refusal).toBeNull();
    run.settle();
    expect(run.state.active).toBe("r1");
    expect(run.ask("restart").refusal).toBeNull();
  });

  test("what is queued waits for its end, asks again then, and begins", () => {
    const run = deployed(1, spec);
    run.deploy(spec, { frozen, whenBusy: "queue" });
    const look = run.until("freeze.look");
    if (look === null) throw new Error("nobody looks");
    run.send({ kind: "freeze.seen", release: "r2", frozen }, look.id);
    run.settle(isTimer);
    expect(run.state.queued).toMatchObject({ release: "r2", frozen });
    expect(run.pending).toEqual([expect.objectContaining({ kind: "timer.set", at: 2_000_000 })]);
    run.settle();
    expect(run.last()).toMatchObject({ name: "d2", to: "r2", outcome: "done" });
  });

  test("what was queued with a reason does not wait for it", () => {
    const run = deployed(1, spec);
    run.ask("restart");
    run.deploy(spec, { frozen, whenBusy: "queue", override: "now" });
    run.settle((command) => command.kind === "freeze.look");
    expect(run.pending).toContainEqual(expect.objectContaining({ kind: "freeze.look", windows: [] }));
  });

  test("a rollback meanwhile leaves it in the queue, where it waits anew", () => {
    const run = deployed(2, spec);
    run.deploy(spec, { frozen, whenBusy: "queue" });
    const look = run.until("freeze.look");
    run.send({ kind: "freeze.seen", release: "r3", frozen }, look?.id);
    run.rollback();
    run.settle((command) => isTimer(command) || command.kind === "freeze.look");
    expect(run.state).toMatchObject({ active: "r1", queued: { release: "r3" } });
    run.settle();
    expect(run.last()).toMatchObject({ from: "r1", to: "r3" });
  });
});
