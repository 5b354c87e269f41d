import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LiveTarget } from "../../../../src/proxy/worker/live-target.ts";
import { request, Scale, targetsOf } from "../../../support/proxy/balancing.ts";

const byRelease = ({ release }: LiveTarget): string => release;

function spread(counts: ReadonlyMap<string, number>): number {
  return Math.max(...counts.values()) / Math.min(...counts.values());
}

describe("round robin", () => {
  test("gives each target the same, to one request", () => {
    const scale = new Scale();
    scale.apply([{ release: "r1", weight: 7, targets: targetsOf("r1", 7) }]);
    const counts = scale.count(20_000);
    expect(counts.size).toBe(7);
    expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
  });

  test("goes on where it was when the same targets come in a new table, however often", () => {
    const scale = new Scale();
    const targets = targetsOf("r1", 10);
    const counts = new Map<string, number>();
    for (let table = 0; table < 6_667; table += 1) {
      scale.apply([{ release: "r1", weight: 10, targets }]);
      for (const [name, count] of scale.count(3)) counts.set(name, (counts.get(name) ?? 0) + count);
    }
    expect(counts.size).toBe(10);
    expect(spread(counts)).toBeLessThanOrEqual(1.02);
  });

  test("is even at once after some targets went and others came", () => {
    const scale = new Scale();
    const [a, b, c, d] = targetsOf("r1", 4) as [LiveTarget, LiveTarget, LiveTarget, LiveTarget];
    scale.apply([{ release: "r1", weight: 3, targets: [a, b, c] }]);
    scale.count(100);
    scale.apply([{ release: "r1", weight: 3, targets: [b, c, d] }]);
    expect([...scale.count(3).values()]).toEqual([1, 1, 1]);
    expect(a.group).toBeNull();
    const counts = scale.count(20_000);
    expect([...counts.keys()].toSorted()).toEqual(["r1.1", "r1.2", "r1.3"]);
    expect(spread(counts)).toBeLessThanOrEqual(1.02);
  });

  test("begins by lot, so that workers do not all begin with the same target", () => {
    const firsts = [0, 0.3, 0.6, 0.9].map((chance) => {
      const scale = new Scale(() => chance);
      scale.apply([{ release: "r1", weight: 1, targets: targetsOf("r1", 4) }]);
      return scale.balancer.pick(null)?.instance;
    });
    expect(firsts).toEqual(["r1.0", "r1.1", "r1.2", "r1.3"]);
  });
});

describe("weights", () => {
  test.each([[[100, 0]], [[95, 5]], [[80, 20]], [[50, 50]], [[1, 99]], [[0, 100]], [[3, 3, 3]], [[0.5, 99.5]]])(
    "%j hold over 20,000 requests to one request, whatever number of targets a pool has",
    (weights) => {
      const scale = new Scale();
      scale.apply(weights.map((weight, index) => ({ release: `r${index}`, weight, targets: targetsOf(`r${index}`, index + 1) })));
      const counts = scale.count(20_000, byRelease);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [index, weight] of weights.entries()) {
        expect(Math.abs((counts.get(`r${index}`) ?? 0) - (20_000 * weight) / total)).toBeLessThanOrEqual(1);
      }
    },
  );

  test("hold also while tables come faster than the smaller pool gets its turn", () => {
    const scale = new Scale();
    const parts = [
      { release: "r1", weight: 95, targets: targetsOf("r1", 4) },
      { release: "r2", weight: 5, targets: targetsOf("r2", 1) },
    ];
    let canary = 0;
    for (let table = 0; table < 4_000; table += 1) {
      scale.apply(parts);
      canary += scale.count(5, byRelease).get("r2") ?? 0;
    }
    expect(canary).toBe(1_000);
  });

  test("of a pool without a target that is up go to the others", () => {
    const scale = new Scale();
    const [down] = targetsOf("r2", 1) as [LiveTarget];
    scale.apply([
      { release: "r1", weight: 1, targets: targetsOf("r1", 2) },
      { release: "r2", weight: 9, targets: [down] },
    ]);
    down.setDown(true);
    expect(scale.count(100, byRelease)).toEqual(new Map([["r1", 100]]));
    down.setDown(false);
    expect(scale.count(100, byRelease).get("r2")).toBeGreaterThanOrEqual(88);
  });

  test("of 0 get nothing, not even when everything else is down", () => {
    const scale = new Scale();
    const live = targetsOf("r1", 1);
    scale.apply([
      { release: "r1", weight: 1, targets: live },
      { release: "r2", weight: 0, targets: targetsOf("r2", 1) },
    ]);
    live[0]?.setDown(true);
    expect(scale.count(50, byRelease)).toEqual(new Map([["r1", 50]]));
    scale.apply([{ release: "r2", weight: 0, targets: targetsOf("r2", 1) }]);
    expect(scale.balancer.pick(null)).toBeNull();
  });
});

describe("what is passed over", () => {
  test("is what is down or was tried; all of them are used when all are down (panic mode)", () => {
    const scale = new Scale();
    const targets = targetsOf("r1", 3);
    scale.apply([{ release: "r1", weight: 3, targets }]);
    targets[0]!.setDown(true);
    expect([...scale.count(30).keys()].toSorted()).toEqual(["r1.1", "r1.2"]);
    expect(scale.balancer.pick(new Set(["r1.1"]))?.instance).toBe("r1.2");
    expect(scale.balancer.pick(new Set(["r1.1", "r1.2"])), "no panic while one is up").toBeNull();
    for (const target of targets) target.setDown(true);
    expect(scale.count(30).size).toBe(3);
    expect(scale.balancer.pick(new Set(["r1.0", "r1.1"]))?.instance).toBe("r1.2");
    targets[2]!.setDown(false);
    expect(scale.count(30)).toEqual(new Map([["r1.2", 30]]));
  });

  test("after a refused connection it is passed over at once, at most half of the pool, for twice as long each time", () => {
    const scale = new Scale();
    const targets = targetsOf("r1", 4);
    const [a, b, c] = targets as [LiveTarget, LiveTarget, LiveTarget];
    scale.apply([{ release: "r1", weight: 4, targets }]);
    for (const target of [a, b, c]) target.whenDialFailed();
    expect([...scale.count(40).keys()].toSorted(), "a third one would be more than half").toEqual(["r1.2", "r1.3"]);
    scale.advance(999);
    expect(a.isUp()).toBe(false);
    scale.advance(1);
    expect(scale.count(40).size).toBe(4);
    a.whenDialFailed();
    scale.advance(1_999);
    expect(a.isUp(), "the second time in a row lasts 2 s").toBe(false);
    scale.advance(1);
    expect(a.isUp()).toBe(true);
    a.whenAnswered();
    a.whenDialFailed();
    scale.advance(1_000);
    expect(a.isUp(), "an answer in between begins the count anew").toBe(true);
    a.whenDialFailed();
    a.whenDialled();
    expect(a.isUp(), "a connection that works ends it").toBe(true);
  });

  test("five failed answers in a row are enough, one good one in between begins anew", () => {
    const scale = new Scale();
    const targets = targetsOf("r1", 2);
    scale.apply([{ release: "r1", weight: 2, targets }]);
    const [a] = targets as [LiveTarget];
    for (let time = 0; time < 4; time += 1) a.whenFailed();
    a.whenAnswered();
    for (let time = 0; time < 4; time += 1) a.whenFailed();
    expect(a.isUp()).toBe(true);
    a.whenFailed();
    expect(a.isUp()).toBe(false);
    expect(scale.count(10)).toEqual(new Map([["r1.1", 10]]));
    a.whenDialled();
    expect(a.isUp(), "that it can be reached is not what was wrong").toBe(false);
  });

  test("a pool of one is never passed over", () => {
    const scale = new Scale();
    const targets = targetsOf("r1", 1);
    scale.apply([{ release: "r1", weight: 1, targets }]);
    for (let time = 0; time < 9; time += 1) targets[0]!.whenDialFailed();
    expect(scale.balancer.pick(null)).toBe(targets[0]);
  });
});

describe("a limit per instance", () => {
  test.each(["round-robin", "least"] as const)("is never exceeded with %s, and a slot that frees is told once", (by) => {
    const scale = new Scale(Math.random);
    const targets = targetsOf("r1", 5, 2);
    scale.apply([{ release: "r1", weight: 5, targets }], { by });
    const running: { target: LiveTarget; one: ReturnType<typeof request> }[] = [];
    for (let begun = 0; begun < 10; begun += 1) {
      const target = scale.balancer.pick(null)!;
      const one = request();
      target.begin(one);
      running.push({ target, one });
    }
    expect(targets.map(({ inFlight }) => inFlight)).toEqual([2, 2, 2, 2, 2]);
    expect([scale.balancer.pick(null), scale.balancer.isUsable]).toEqual([null, false]);
    const { target, one } = running[3]!;
    const before = scale.usable;
    target.end(one);
    expect(scale.usable - before).toBe(1);
    expect(scale.balancer.pick(null)).toBe(target);
  });

  test("does not count a full pool as down: nothing else is used in its place", () => {
    const scale = new Scale();
    const targets = targetsOf("r1", 2, 1);
    scale.apply([{ release: "r1", weight: 2, targets }]);
    targets[1]!.setDown(true);
    targets[0]!.begin(request());
    expect(scale.balancer.pick(null)).toBeNull();
  });
});

describe("slow start", () => {
  test.each(["round-robin", "least"] as const)("with %s lets a new target's share grow in a line to the full one", (by) => {
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const scale = new Scale(random);
    const targets = targetsOf("r1", 5);
    scale.apply([{ release: "r1", weight: 4, targets: targets.slice(0, 4) }], { by, slowStartMs: 10_000 });
    scale.advance(10_000);
    scale.apply([{ release: "r1", weight: 5, targets }], { by, slowStartMs: 10_000 });
    const shares = [0, 5_000, 5_000].map((ms) => {
      scale.advance(ms);
      return (scale.count(20_000).get("r1.4") ?? 0) / 20_000;
    });
    expect(shares[0]).toBeCloseTo(0.1 / 4.1, 1);
    expect(shares[0]).toBeGreaterThan(0);
    expect(shares[1]).toBeCloseTo(0.5 / 4.5, 1);
    expect(shares[2]).toBeCloseTo(1 / 5, 1);
    expect(shares[0]! * 2).toBeLessThan(shares[1]!);
    expect(shares[1]! * 1.5).toBeLessThan(shares[2]!);
  });

  test("of all targets at once changes nothing: they share evenly", () => {
    const scale = new Scale();
    scale.apply([{ release: "r1", weight: 5, targets: targetsOf("r1", 5) }], { slowStartMs: 10_000 });
    expect(spread(scale.count(20_000))).toBeLessThanOrEqual(1.02);
  });
});

describe("least outstanding", () => {
  test("prefers the one with fewer requests in flight of any two", () => {
    const scale = new Scale(Math.random);
    const targets = targetsOf("r1", 2);
    scale.apply([{ release: "r1", weight: 2, targets }], { by: "least" });
    targets[0]!.begin(request());
    expect(scale.count(200)).toEqual(new Map([["r1.1", 200]]));
  });

  test("keeps the highest number in flight near the mean where lots are drawn", () => {
    const scale = new Scale(Math.random);
    const targets = targetsOf("r1", 100);
    scale.apply([{ release: "r1", weight: 100, targets }], { by: "least" });
    for (let begun = 0; begun < 10_000; begun += 1) scale.balancer.pick(null)!.begin(request());
    expect(Math.max(...targets.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(104);
  });

  test("finds the only one that was not tried", () => {
    const scale = new Scale(Math.random);
    const targets = targetsOf("r1", 200);
    scale.apply([{ release: "r1", weight: 1, targets }], { by: "least" });
    const tried = new Set(targets.slice(1).map(({ instance }) => instance));
    expect(scale.balancer.pick(tried)).toBe(targets[0]);
  });
});

describe("whatever happens", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("down"), target: fc.nat(7), on: fc.boolean() }),
    fc.record({ kind: fc.constant("refuse"), target: fc.nat(7), on: fc.boolean() }),
    fc.record({ kind: fc.constant("begin"), target: fc.nat(7), on: fc.boolean() }),
    fc.record({ kind: fc.constant("table"), target: fc.nat(255), on: fc.boolean() }),
    fc.record({ kind: fc.constant("time"), target: fc.nat(3_000), on: fc.boolean() }),
  );

  test.each(["round-robin", "least"] as const)(
    "%s finds a target exactly when one may be chosen, and it is one of the table with room",
    (by) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const scale = new Scale(() => 0.4);
          const all = targetsOf("r1", 8, 2);
          const flights = new Map(all.map((target) => [target, [] as ReturnType<typeof request>[]]));
          let table = all;
          scale.apply([{ release: "r1", weight: 1, targets: table }], { by });
          for (const { kind, target: number, on } of steps) {
            const target = all[number % 8]!;
            if (kind === "down") target.setDown(on);
            else if (kind === "time") scale.advance(number);
            else if (kind === "refuse" && on) target.whenDialFailed();
            else if (kind === "refuse") target.whenDialled();
            else if (kind === "table") {
              table = all.filter((_, index) => ((number >> index) & 1) === 1);
              scale.apply([{ release: "r1", weight: 1, targets: table }], { by });
            } else {
              const running = flights.get(target)!;
              if (on && target.inFlight < 2) target.begin(running[running.push(request()) - 1]!);
              else if (!on && running.length > 0) target.end(running.pop()!);
            }
            const up = table.filter((one) => one.isUp());
            const eligible = (up.length > 0 ? up : table).filter((one) => one.inFlight < 2);
            expect(scale.balancer.isUsable).toBe(eligible.length > 0);
            const chosen = scale.balancer.pick(null);
            if (eligible.length === 0) expect(chosen).toBeNull();
            else expect(eligible).toContain(chosen);
            expect(table.filter((one) => one.ejection.isActive).length).toBeLessThanOrEqual(8 / 2);
          }
        }),
        { numRuns: 300 },
      );
    },
  );
});
