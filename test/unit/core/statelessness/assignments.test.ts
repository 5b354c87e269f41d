import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../../../../src/base/rng.ts";
import { cuts, pinnedAssignments, spreadAssignments } from "../../../../src/core/statelessness/assignments.ts";

const size = { nodes: fc.integer({ min: 2, max: 40 }), requests: fc.integer({ min: 2, max: 60 }), seed: fc.nat() };

test("any two requests are on different nodes in some walk, and every node has its turn", () => {
  fc.assert(
    fc.property(fc.record(size), ({ nodes, requests, seed }) => {
      const walks = spreadAssignments(nodes, requests, createRng(seed));
      for (let a = 0; a < requests; a += 1)
        for (let b = a + 1; b < requests; b += 1) expect(walks.some((walk) => walk[a] !== walk[b])).toBe(true);
      expect(new Set(walks.flat())).toEqual(new Set(Array.from({ length: nodes }, (_, node) => node)));
      expect(walks.every((walk) => walk.length === requests)).toBe(true);
    }),
  );
});

test("next requests change the node and come back to it: what a cache has kept is asked for again", () => {
  fc.assert(
    fc.property(fc.record(size), ({ nodes, requests, seed }) => {
      const [walk = []] = spreadAssignments(nodes, requests, createRng(seed));
      for (let at = 2; at < requests; at += 1) expect([walk[at], walk[at - 1] === walk[at]]).toEqual([walk[at - 2], false]);
    }),
  );
});

test("pinned walks stay on one node; the first two nodes have two of them", () => {
  expect(pinnedAssignments(3, 2)).toEqual([
    [0, 0],
    [1, 1],
    [2, 2],
    [0, 0],
    [1, 1],
  ]);
  expect(pinnedAssignments(1, 1)).toEqual([[0], [0]]);
  expect(spreadAssignments(1, 5, createRng(1))).toEqual([]);
});

test("nodes are replaced after each request once, or after so many that lie evenly", () => {
  expect(cuts(4, 24)).toEqual([1, 2, 3]);
  expect(cuts(1, 24)).toEqual([]);
  expect(cuts(101, 4)).toEqual([1, 26, 51, 76]);
});
