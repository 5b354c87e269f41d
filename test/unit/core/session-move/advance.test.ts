import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MoveWorld } from "../../../support/sessions/move-world.ts";

const act = fc.oneof(
  { weight: 6, arbitrary: fc.constant("step" as const) },
  { weight: 4, arbitrary: fc.constant("replace" as const) },
  { weight: 4, arbitrary: fc.constant("launch" as const) },
  { weight: 2, arbitrary: fc.constant("dies" as const) },
  { weight: 1, arbitrary: fc.constantFrom("failRestart" as const, "abort" as const) },
  { weight: 1, arbitrary: fc.nat(2) },
);

describe("a move of sessions", () => {
  test("whatever fails, crashes, dies or is taken back on the way: no session is lost, goes back, or comes back", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 150, size: "max" }), (acts) => {
        const world = new MoveWorld();
        for (const one of acts) {
          if (typeof one === "number") world.crash(one);
          else if (one === "dies") world.step(true);
          else world[one]();
        }
        world.settle();
        const reads = world.move.phase === "done" ? "new" : "old";
        world.launch();
        expect(new Set(world.sights.map((sight) => JSON.stringify(sight)))).toEqual(
          new Set([JSON.stringify({ reads, writesBoth: false })]),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  test("comes to its end by itself", () => {
    const world = new MoveWorld();
    world.settle();
    expect(world.move.phase).toBe("done");
  });
});
