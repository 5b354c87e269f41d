import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RouteTable, Target } from "../../../src/core/routes.ts";
import { changed, changeSince, hasSameTargets } from "../../../src/proxy/table-change.ts";

const HEALTH = { path: "/up", host: null, intervalMs: 1_000, timeoutMs: 500, passes: 1, failures: 2 };

const target = fc.record({
  instance: fc.integer({ min: 0, max: 9 }).map((number) => `web.r1.${number}`),
  host: fc.constant("127.0.0.1"),
  port: fc.integer({ min: 1, max: 3 }),
  health: fc.oneof(
    fc.constant(null),
    fc.constantFrom(500, 600).map((timeoutMs) => ({ ...HEALTH, timeoutMs })),
  ),
});
const table = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.array(target, { maxLength: 12 })), { maxLength: 3 })
  .map((pools) => tableOf(pools.map(([weight, targets], index) => ({ release: `r${index + 1}`, weight, targets }))));

function tableOf(pools: RouteTable["pools"], revision = 1): RouteTable {
  const listen = { host: "127.0.0.1", port: 80 };
  return { app: "shop", epoch: 1, revision, listen, tls: null, proxy: { holdMs: 1, firstByteTimeoutMs: 1 }, pools };
}

function targets(...numbers: readonly number[]): readonly Target[] {
  return numbers.map((number) => ({ instance: `web.r1.${number}`, host: "127.0.0.1", port: number, health: HEALTH }));
}

/** As it comes over a wire. */
function copyOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

describe("a change", () => {
  test("of any table to any other one gives the other one", () => {
    fc.assert(
      fc.property(table, table, (before, after) => {
        expect(changed(before, copyOf(changeSince(before, copyOf(after))))).toEqual(after);
      }),
    );
  });

  test("has only the targets that are new or not what they were", () => {
    const before = tableOf([{ release: "r1", weight: 1, targets: targets(1, 2, 3, 4) }]);
    const moved = targets(2).map((one) => ({ ...one, port: 99 }));
    const after = tableOf([{ release: "r1", weight: 1, targets: [...targets(1), ...moved, ...targets(4, 3, 5)] }], 2);
    const { table: rest, pieces } = changeSince(before, copyOf(after));
    expect(rest.pools[0]?.targets).toEqual([...moved, ...targets(5)]);
    expect(pieces).toEqual([
      [
        { from: 0, count: 1 },
        { from: null, count: 1 },
        { from: 3, count: 1 },
        { from: 2, count: 1 },
        { from: null, count: 1 },
      ],
    ]);
  });

  test("leaves the targets that stay the very objects they were, and a list that is the same the very list", () => {
    const before = tableOf([
      { release: "r1", weight: 9, targets: targets(1, 2) },
      { release: "r2", weight: 1, targets: targets(3) },
    ]);
    const next = copyOf({ ...before, revision: 2 });
    const same = changed(before, changeSince(before, next));
    expect(hasSameTargets(before, same)).toBe(true);
    const grown = changed(before, changeSince(before, tableOf([{ release: "r1", weight: 9, targets: targets(1, 2, 3) }], 2)));
    expect(hasSameTargets(before, grown)).toBe(false);
    expect(grown.pools[0]?.targets[1]).toBe(before.pools[0]?.targets[1]);
  });

  test("takes nothing for the same that only looks like it", () => {
    const before = tableOf([{ release: "r1", weight: 1, targets: targets(1) }]);
    const others = [
      null,
      1,
      "web.r1.1",
      [],
      {},
      { ...targets(1)[0], health: { ...HEALTH, more: 1 } },
      { ...targets(1)[0], more: 1 },
    ];
    const after = { ...before, pools: [{ release: "r1", weight: 1, targets: others as unknown as readonly Target[] }] };
    expect(changeSince(before, after).table.pools[0]?.targets).toEqual(others);
  });
});
