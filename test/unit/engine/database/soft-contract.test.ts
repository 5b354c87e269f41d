import { expect, it } from "vitest";
import type { ChangeSet } from "../../../../src/database/change-set.ts";
import { nextTurn } from "../../../../src/engine/database/soft-contract.ts";

const SOFT = { softContractMs: 1_000 };
function set(release: number, keptUntilMs: number | null, takes = true): ChangeSet {
  const actions = takes ? [{ id: "c1", phase: "contract" }] : [];
  return { app: "shop", release, state: "expanded", keptUntilMs, plan: { actions } } as unknown as ChangeSet;
}

it.each([
  ["an older one is kept: a newer one that takes nothing away waits for it", [set(2, 500), set(3, null, false)], null, 500],
  ["an older one is kept: a newer one begins its own time", [set(2, 500), set(3, null)], { release: 3, kind: "keep" }, 500],
  ["the time of a newer one is over first: it waits for the older", [set(2, 500), set(3, 50)], null, 500],
  ["the older one's time is over", [set(2, 50), set(3, 500)], { release: 2, kind: "remove" }, Infinity],
  ["nothing is open", [], null, Infinity],
] as const)("%s", (_, open, next, untilMs) => {
  const found = nextTurn(open, SOFT, 100);
  expect(found.next === null ? null : { release: found.next.set.release, kind: found.next.turn.kind }).toEqual(next);
  expect(found.untilMs).toBe(untilMs);
});
