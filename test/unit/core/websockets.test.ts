import { describe, expect, it } from "vitest";
import { closingWindow, DEFAULT_WEBSOCKETS, tunnelLimitMs } from "../../../src/core/websockets.ts";

const spec = (parts: Partial<typeof DEFAULT_WEBSOCKETS>) => ({ ...DEFAULT_WEBSOCKETS, ...parts });

describe("closingWindow", () => {
  it.each([
    ["there is time for everything", {}, 30_000, [10_000, 15_000]],
    ["the grace is shortened first", {}, 10_000, [3_000, 8_000]],
    ["then the spread", {}, 5_000, [0, 3_000]],
    ["no time at all", {}, 500, [0, 0]],
    ["no limit", {}, Infinity, [10_000, 15_000]],
    ["lingering is a longer grace", { lingerMs: 60_000 }, 67_000, [60_000, 65_000]],
    ["never a shorter one", { lingerMs: 1_000 }, 67_000, [10_000, 15_000]],
  ])("%s", (_, parts, limitMs, [fromMs, toMs]) => {
    expect(closingWindow(spec(parts), limitMs)).toEqual({ fromMs, toMs });
  });
});

describe("tunnelLimitMs", () => {
  it.each([
    [{}, 30_000, 30_000],
    [{ lingerMs: 1_000 }, 30_000, 30_000],
    [{ lingerMs: 60_000 }, 30_000, 67_000],
  ])("%j beside %d ms for requests", (parts, requests, tunnels) => {
    expect(tunnelLimitMs(spec(parts), requests)).toBe(tunnels);
  });
});
