import { describe, expect, test } from "vitest";
import type { RolloutSpec } from "../../../src/core/app-spec.ts";
import type { Command } from "../../../src/core/command.ts";
import { type CoreRun, deployed, webOnly } from "../../support/core-run.ts";

const isTimer = (command: Command): boolean => command.kind === "timer.set";
const STEPS = [
  { weight: 0, waitMs: null },
  { weight: 10, waitMs: 60_000 },
  { weight: 50, waitMs: null },
];

function canary(rollout: Partial<RolloutSpec> = {}, instances = 4): CoreRun["spec"] {
  const spec = webOnly(instances);
  return { ...spec, rollout: { ...spec.rollout, strategy: "canary", standbyMs: 600_000, steps: STEPS, ...rollout } };
}

/** r2 stands at its first step. */
function begun(spec = canary()): CoreRun {
  const run = deployed(1, spec);
  run.deploy(spec);
  run.settle(isTimer);
  return run;
}

/** What part of the requests each release gets, and with how many instances: `r1 90%/4 r2 10%/1`. */
function shares(run: CoreRun): string {
  const pools = run.tables.at(-1)?.pools ?? [];
  const total = pools.reduce((sum, { weight }) => sum + weight, 0);
  return pools
    .map(({ release, weight, targets }) => `${release} ${String((100 * weight) / total)}%/${String(targets.length)}`)
    .join(" ");
}

/** The time that a step lasts is over. */
function wait(run: CoreRun): void {
  for (const command of run.pending) if (isTimer(command) && command.deployment !== null) run.answer(command);
  run.settle(isTimer);
}

function promote(run: CoreRun): void {
  run.ask("promote");
  run.settle(isTimer);
}

describe("a canary", () => {
  test("gets its part step by step, exactly, with as many instances as that is worth; the old side stays whole", () => {
    const run = begun();
    expect(shares(run)).toBe("r1 100%/4 r2 0%/1");
    promote(run);
    expect(shares(run)).toBe("r1 90%/4 r2 10%/1");
    wait(run);
    expect(shares(run)).toBe("r1 50%/4 r2 50%/2");
    promote(run);
    expect(run.last()).toMatchObject({ outcome: "done", capacity: { atStart: 4, lowest: 4 } });
    expect(shares(run)).toBe("r1 0%/4 r2 100%/4");
    expect(run.state.standby).toMatchObject({ release: "r1" });
  });

  test("that dies takes its part back to the old side at once", () => {
    const run = begun();
    promote(run);
    const name = run.instances().find(({ release }) => release === "r2")?.name ?? "";
    run.send({ kind: "instance.exited", instance: name, how: "was ended by SIGKILL", logTail: [] });
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "rolled-back", failure: { code: "ERR_INSTANCE_EXITED" } });
    expect(shares(run)).toBe("r1 100%/4");
    expect(run.instances()).toHaveLength(4);
  });

  test("keeps the settings of the old side until all requests are its own", () => {
    const spec = canary();
    const run = deployed(1, spec);
    run.deploy({ ...spec, proxy: { ...spec.proxy, holdMs: 77 } });
    run.settle(isTimer);
    expect(run.tables.at(-1)?.proxy.holdMs).toBe(1_000);
    run.send({ kind: "promote.requested", by: "alice", full: true });
    run.settle(isTimer);
    expect(run.tables.at(-1)?.proxy.holdMs).toBe(77);
  });

  test("scenario 58: who is aimed at is in the table while the canary is, and no longer", () => {
    const targeting = { headers: [{ name: "X-Beta", value: "1" }], cookies: [], addresses: ["192.0.2.0/24"] };
    const run = begun(canary({ targeting }));
    expect(run.tables.at(-1)?.targeting).toEqual({ release: "r2", ...targeting });
    run.ask("abort");
    run.settle(isTimer);
    expect(run.tables.at(-1)?.targeting).toBeUndefined();
  });

  test("scenario 67: a newer one is refused while it runs, and begins from the old release once it has gone back", () => {
    const run = begun();
    promote(run);
    expect(run.deploy(canary()).refusal?.code).toBe("ERR_DEPLOYMENT_RUNNING");
    run.ask("abort");
    run.settle(isTimer);
    run.deploy(canary());
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ from: "r1", to: "r3" });
    expect(shares(run)).toBe("r1 100%/4 r3 0%/1");
  });

  test("of a first release has nothing to be compared with: it is brought up and promoted", () => {
    const run = deployed(1, canary());
    expect(run.last().outcome).toBe("done");
    expect(shares(run)).toBe("r1 100%/4");
  });

  test("an emergency does not wait: a rollback after the window goes by one cutover", () => {
    const run = begun();
    run.send({ kind: "promote.requested", by: "alice", full: true });
    run.settle();
    run.rollback();
    run.settle(isTimer);
    expect(run.state.active).toBe("r1");
  });
});

describe("scenario 65: what an operator says", () => {
  test("promote goes on with what is waited for; --full with all the rest at once", () => {
    const run = begun();
    run.send({ kind: "promote.requested", by: "alice", full: true });
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ outcome: "done" });
    expect(shares(run)).toBe("r1 0%/4 r2 100%/4");
  });

  test("--full works from the first moment on", () => {
    const run = deployed(1, canary());
    run.deploy(canary());
    run.until("instance.start");
    run.send({ kind: "promote.requested", by: "alice", full: true });
    run.settle(isTimer);
    expect(run.last().outcome).toBe("done");
  });

  test("pause holds it, beyond the end of a wait and through a restart of the daemon; resume lets it go on", () => {
    const run = begun();
    promote(run);
    run.ask("halt");
    wait(run);
    run.recover();
    run.settle(isTimer);
    expect(shares(run)).toBe("r1 90%/4 r2 10%/1");
    run.ask("continue");
    run.settle(isTimer);
    expect(shares(run)).toBe("r1 50%/4 r2 50%/2");
  });

  test("a failure while it is paused takes it back all the same", () => {
    const run = begun();
    run.ask("halt");
    const name = run.instances().find(({ release }) => release === "r2")?.name ?? "";
    run.send({ kind: "instance.exited", instance: name, how: "is gone", logTail: [] });
    run.settle();
    expect(run.last().outcome).toBe("rolled-back");
  });

  const nothing = (): CoreRun => deployed(1, canary());
  const starting = (): CoreRun => {
    const run = nothing();
    run.deploy(canary());
    run.until("instance.start");
    return run;
  };
  const paused = (): CoreRun => {
    const run = begun();
    run.ask("halt");
    return run;
  };
  const goingBack = (): CoreRun => {
    const run = begun();
    run.ask("abort");
    return run;
  };
  const closing = (): CoreRun => {
    const run = nothing();
    run.deploy(canary());
    run.send({ kind: "promote.requested", by: "alice", full: true });
    run.settle((command) => isTimer(command) || command.kind === "ledger.close");
    return run;
  };

  test.each([
    ["nothing", nothing, []],
    ["starting", starting, ["promote --full", "rollout pause", "abort"]],
    ["waiting", begun, ["promote", "promote --full", "rollout pause", "abort"]],
    ["paused", paused, ["promote", "promote --full", "rollout resume", "abort"]],
    ["going back", goingBack, []],
    ["closing", closing, []],
  ] as const)("when it is %s: what is legal is taken, what is not is refused with what is", (_state, make, legal) => {
    const said = {
      promote: { kind: "promote.requested", by: "alice" },
      "promote --full": { kind: "promote.requested", by: "alice", full: true },
      "rollout pause": { kind: "halt.requested", by: "alice" },
      "rollout resume": { kind: "continue.requested", by: "alice" },
      abort: { kind: "abort.requested", by: "alice" },
    } as const;
    for (const [verb, event] of Object.entries(said)) {
      const { refusal } = make().send(event);
      const isLegal = (legal as readonly string[]).includes(verb);
      expect(refusal === null, `${verb}: ${refusal?.what ?? "taken"}`).toBe(isLegal);
      for (const other of isLegal ? [] : legal) expect(refusal?.next).toContain(`\`hitless ${other}\``);
    }
  });
});
