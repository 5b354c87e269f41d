import { describe, expect, test } from "vitest";
import { Registry } from "../../../../src/proxy/worker/registry.ts";

function members(count: number): { name: number; slot: number }[] {
  return Array.from({ length: count }, (_, name) => ({ name, slot: -1 }));
}

const names = (registry: Registry<{ name: number; slot: number }>): number[] =>
  registry
    .values()
    .map(({ name }) => name)
    .toSorted((a, b) => a - b);

describe("a registry", () => {
  test("holds exactly who has joined and not left, in whatever order they leave", () => {
    const registry = new Registry<{ name: number; slot: number }>();
    const all = members(7);
    for (const member of all) registry.add(member);
    for (const gone of [3, 6, 0]) registry.delete(all[gone]!);
    expect(names(registry)).toEqual([1, 2, 4, 5]);
    registry.add(all[3]!);
    for (const gone of [5, 1, 3, 2, 4]) registry.delete(all[gone]!);
    expect(registry.size).toBe(0);
  });

  test("takes no notice of one who leaves twice or was never there", () => {
    const registry = new Registry<{ name: number; slot: number }>();
    const [first, second, stranger] = members(3);
    registry.add(first!);
    registry.add(second!);
    registry.delete(first!);
    registry.delete(first!);
    registry.delete(stranger!);
    expect(names(registry)).toEqual([1]);
  });

  test("gives a list that stays as it is when its members leave", () => {
    const registry = new Registry<{ name: number; slot: number }>();
    for (const member of members(3)) registry.add(member);
    const seen: number[] = [];
    for (const member of registry.values()) {
      registry.delete(member);
      seen.push(member.name);
    }
    expect(seen).toEqual([0, 1, 2]);
    expect(registry.size).toBe(0);
  });
});
