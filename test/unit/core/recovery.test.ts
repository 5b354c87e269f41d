import { describe, expect, test } from "vitest";
import type { Command } from "../../../src/core/command.ts";
import { CoreRun, webOnly } from "../../support/core-run.ts";

const ALL = { kind: "percent", percent: 100 } as const;

describe("what a daemon finds when it comes back", () => {
  test("an instance whose start is repeated in vain is stopped, as the first start may have come about", () => {
    const run = new CoreRun();
    run.deploy(webOnly(1));
    const { id, instance } = run.until("instance.start") as Extract<Command, { kind: "instance.start" }>;
    run.recover([instance]);
    const failure = { code: "ERR_DATABASE_UNREACHABLE", what: "The database is away." } as const;
    const { commands } = run.send({ kind: "instance.startFailed", instance, failure }, id);
    expect(commands).toContainEqual(expect.objectContaining({ kind: "instance.stop", instance }));
  });

  test("a prune that does not know of the release that is deployed now is not repeated", () => {
    const run = new CoreRun();
    run.deploy();
    run.settle(({ kind }) => kind === "release.prune");
    run.deploy();
    run.settle(({ kind }) => kind === "release.prune" || kind === "instance.start");
    run.recover();
    expect(run.pending.map(({ kind }) => kind)).not.toContain("release.prune");
  });

  test("a prune that knows of all is", () => {
    const run = new CoreRun();
    run.deploy();
    run.settle(({ kind }) => kind === "release.prune");
    run.recover();
    expect(run.pending.map(({ kind }) => kind)).toContain("release.prune");
  });

  test("with nothing of the stable side left on the way back, what was to go serves until it is there again", () => {
    const run = new CoreRun();
    run.deploy(webOnly(2, ALL));
    run.settle();
    run.deploy(webOnly(2, ALL));
    run.settle(({ kind }) => kind === "traffic.drain");
    run.ask("abort");
    // The table that takes the new side out is ordered, and nobody knows whether the proxy has it.
    while (run.last().step !== "removing") run.answer(run.pending[0] ?? never());
    const left = run.instances().filter(({ release }) => release === "r2");
    run.recover(left.map(({ name }) => name));
    const served = run.tables.at(-1)?.pools.flatMap(({ targets }) => targets.map((target) => target.instance));
    expect(served).toEqual(left.map(({ name }) => name));
    run.settle();
    expect(run.serving()).toBe("r1 r1");
    expect(run.instances()).toHaveLength(2);
  });
});

function never(): never {
  throw new Error("it has come to rest before that");
}
