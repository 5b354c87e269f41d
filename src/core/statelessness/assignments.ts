import type { Rng } from "../../base/rng.ts";

/** Which node each request of one walk goes to, by its index. */
export type Assignment = readonly number[];

/** Walks over two nodes that are drawn: what needs three requests on certain nodes is found by them. */
const DRAWN = 10;
/** So many nodes are walked on alone; the first two of them twice. */
const PINNED_NODES = 4;

/** Every request to one node. Two nodes twice each: so that what varies by itself is told from what varies by node. */
export function pinnedAssignments(nodes: number, requests: number): readonly Assignment[] {
  const own = Array.from({ length: Math.min(nodes, PINNED_NODES) }, (_, node) => node);
  return [...own, ...own.slice(0, 2)].map((node) => Array.from({ length: requests }, () => node));
}

/**
 * Requests spread over at least two nodes: any two requests of the journey are on different nodes in at least one walk (by the binary digits
 * of their indexes), and every node has its turn.
 */
export function spreadAssignments(nodes: number, requests: number, rng: Rng): readonly Assignment[] {
  if (nodes < 2) return [];
  const indexes = Array.from({ length: requests }, (_, index) => index);
  const pair = (turn: number): readonly [number, number] => [turn % nodes, (turn + 1 + rng.between(0, nodes - 2)) % nodes];
  const digits = Math.max(1, Math.ceil(Math.log2(requests)));
  const apart = Array.from({ length: digits }, (_, digit) => {
    const two = pair(digit);
    return indexes.map((index) => two[Math.floor(index / 2 ** digit) % 2] ?? 0);
  });
  const drawn = Array.from({ length: DRAWN }, (_, turn) => {
    const two = pair(turn);
    return indexes.map(() => rng.pick(two));
  });
  const rounds = Array.from({ length: Math.ceil(nodes / requests) }, (_, round) =>
    indexes.map((index) => (round * requests + index) % nodes),
  );
  return [...apart, ...drawn, ...rounds];
}

/** After how many requests nodes are replaced, one walk for each: all places, or so many as are spread evenly over them. */
export function cuts(requests: number, max: number): readonly number[] {
  const places = Array.from({ length: Math.max(0, requests - 1) }, (_, index) => index + 1);
  if (places.length <= max) return places;
  return Array.from({ length: max }, (_, turn) => places[Math.floor((turn * places.length) / max)] ?? 1);
}
