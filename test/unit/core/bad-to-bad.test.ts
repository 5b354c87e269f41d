import { expect, test } from "vitest";
import type { RolloutSpec } from "../../../src/core/app-spec.ts";
import { type CoreRun, deployed, webOnly } from "../../support/core-run.ts";

/** The instances of the deployment never become ready. */
function failing(run: CoreRun): void {
  for (let next = run.until("instance.awaitReady"); run.isRunning(); next = run.until("instance.awaitReady")) {
    if (next?.kind !== "instance.awaitReady") break;
    const failure = { code: "ERR_INSTANCE_UNREADY", what: `${next.instance} did not become ready in time.` } as const;
    run.send({ kind: "instance.unready", instance: next.instance, failure }, next.id);
  }
  run.settle();
}

test.each(["rolling", "blue-green", "canary"] as const)(
  "scenario 22: bad, bad, good by %s: the last good release serves at full size throughout, and the good one comes",
  (strategy) => {
    const rollout: Partial<RolloutSpec> = { strategy, steps: [{ weight: 20, waitMs: 0 }] };
    const web = webOnly(4);
    const spec = { ...web, rollout: { ...web.rollout, ...rollout } };
    const run = deployed(1, spec);
    const first = run.tables.length;
    for (const bad of ["r2", "r3"]) {
      run.deploy(spec);
      failing(run);
      expect(run.last(), bad).toMatchObject({ outcome: "rolled-back", from: "r1", to: bad, capacity: { lowest: 4 } });
      expect(run.serving()).toBe("r1 r1 r1 r1");
      expect(run.state.promoted).toEqual(["r1"]);
    }
    expect(Object.keys(run.state.releases), "of those that went back only the last one is kept").toEqual(["r1", "r3"]);
    const serving = run.tables.slice(first).flatMap(({ pools }) => pools.map(({ release }) => release));
    expect(new Set(serving), "neither bad release was ever routed").toEqual(new Set(serving.length === 0 ? [] : ["r1"]));
    run.deploy(spec);
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "done", from: "r1", to: "r4" });
    expect(run.serving()).toBe("r4 r4 r4 r4");
  },
);
