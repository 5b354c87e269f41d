import { describe, expect, it } from "vitest";
import { addHistograms, bucketOf, type HistogramData } from "../../../../src/base/histogram.ts";
import { createRng } from "../../../../src/base/rng.ts";
import { felt, feltFrom, type FeltLatency } from "../../../../src/database/backfill/felt-latency.ts";
import { SLOWEST, type Reading } from "../../../../src/database/backfill/pace-law.ts";
import { besideUsers, meanSpeed, p99, type Look, type Users } from "../../../support/felt-users.ts";

const answers = (count: number, ms: number): HistogramData => [[bucketOf(ms * 1_000), count]];
const BY = { speed: 1, rise: 0.1 };

/** A second per entry: how long its 200 answers took. Gives what was said after each. */
function watch(from: FeltLatency, seconds: readonly number[], boot = "b"): readonly Reading[] {
  let state = felt(from, { at: 0, boot, latency: [] }, BY)[0];
  let latency: HistogramData = [];
  return seconds.map((ms, second) => {
    latency = addHistograms(latency, answers(200, ms));
    const [next, reading] = felt(state, { at: (second + 1) * 1_000, boot, latency }, { speed: paceOf(state), rise: 0.1 });
    state = next;
    return reading;
  });
}

const paceOf = ({ speed, phase }: FeltLatency): number => (phase.kind === "rest" ? 0 : speed);
const times = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms);

describe("what users feel", () => {
  it("is nothing where there are few of them: nothing is allowed or forbidden then", () => {
    const [, reading] = felt(feltFrom(0), { at: 0, boot: "b", latency: [] }, BY);
    expect(reading).toEqual({ name: "latency", load: 0, text: "too few requests to be felt" });
  });

  it("is looked at beside what was usual before, and becomes slower at once where it is much", () => {
    const calm = watch(feltFrom(200), times(12, 20)).map(({ most }) => most!);
    expect(calm.slice(0, 5)).toEqual(times(5, 0));
    expect(calm.toSorted((one, other) => one - other)).toEqual(calm);
    const harmed = watch(feltFrom(200), [...times(7, 20), 30, 30]);
    expect(harmed.at(-1)!.most).toBeLessThan(0.01);
    expect(harmed.at(-1)!.text).toMatch(
      /^p99 of the requests is (20|21)\.\d ms without it, and 3\d\.\d ms beside it: it works 0\.5 % of the time$/,
    );
  });

  it("rests first where nothing is known of before, for long enough to know", () => {
    const readings = watch(feltFrom(0), times(12, 20));
    const resting = readings.map(({ most }) => most === 0);
    expect(resting.filter(Boolean)).toHaveLength(5);
    expect(resting.lastIndexOf(true)).toBeLessThan(8);
    expect(readings.find(({ most }) => most === 0)?.text).toBe("it looks how fast the requests are without it");
  });

  it("leaves out what was answered while nobody looked, and begins anew with a proxy that was restarted", () => {
    for (const [at, boot] of [
      [60_000, "a"],
      [9_000, "b"],
    ] as const) {
      let state = felt(feltFrom(200), { at: 0, boot: "a", latency: [] }, BY)[0];
      for (let second = 1; second <= 8; second++)
        state = felt(state, { at: second * 1_000, boot: "a", latency: answers(200 * second, 20) }, BY)[0];
      const latency = addHistograms(answers(1_000, 20), answers(900, 90));
      const [, reading] = felt(state, { at, boot, latency }, BY);
      expect(reading.most).toBe(state.speed);
    }
  });
});

describe("a backfill beside users", () => {
  const SEEDS = [1, 2];
  const MINUTE = 30;
  const later = (looks: readonly Look[]): readonly Look[] => looks.slice(looks.length / 2);
  const usual = { rate: 200, usualMs: 1.4 };
  const P99 = 1.4 * Math.exp(0.298 * 2.3263);
  const run = (seed: number, minutes: number, users: (look: number) => Users): readonly Look[] =>
    besideUsers(createRng(seed), minutes * MINUTE, users);

  it.each([
    { share: 0.05, ms: 2 },
    { share: 0.2, ms: 2 },
    { share: 0.5, ms: 5 },
    { share: 1, ms: 10 },
  ])("keeps p99 within a tenth, and goes on: harm %o", (harm) => {
    for (const seed of SEEDS) {
      const looks = run(seed, 6, () => ({ ...usual, harm }));
      expect(p99(looks)).toBeLessThan(1.1 * P99);
      expect(meanSpeed(later(looks))).toBeGreaterThan(0.6 * SLOWEST);
    }
  });

  it("does not take one bad moment of thirty, which has other reasons, for what is usual", () => {
    for (const seed of SEEDS) {
      const looks = run(seed, 10, (look) => ({ ...usual, usualMs: look % 30 === 29 ? 8 : 1.4, harm: { share: 0.5, ms: 5 } }));
      const good = later(looks).filter((_, look) => look % 30 < 29);
      expect(p99(good)).toBeLessThan(1.1 * P99);
    }
  });

  it("uses the room there is: most of the time where nobody feels it, less the more it is felt", () => {
    const speedOf = (share: number): number =>
      meanSpeed(SEEDS.flatMap((seed) => later(run(seed, 6, () => ({ ...usual, harm: { share, ms: 2 } })))));
    const [none, some, more] = [speedOf(0), speedOf(0.05), speedOf(0.5)];
    expect(none).toBeGreaterThan(0.65);
    expect(none).toBeGreaterThan(some);
    expect(some).toBeGreaterThan(2 * more);
  });

  it("learns what is usual anew when requests become slower for other reasons, and says why it is slow meanwhile", () => {
    for (const seed of SEEDS) {
      const looks = run(seed, 12, (look) => ({ rate: 200, usualMs: look < 4 * MINUTE ? 1.4 : 2.8, harm: { share: 0, ms: 0 } }));
      const after = looks.slice(4 * MINUTE);
      expect(Math.min(...after.slice(0, 10).map(({ speed }) => speed))).toBeLessThanOrEqual(SLOWEST);
      expect(meanSpeed(after.slice(-3 * MINUTE))).toBeGreaterThan(0.4);
      expect(looks.every(({ speed, reason }) => speed >= 1 || reason !== null)).toBe(true);
    }
  });

  it("is at full speed soon after the users have gone, and slow soon after they have come", () => {
    for (const seed of SEEDS) {
      const looks = run(seed, 6, (look) => ({
        ...usual,
        rate: look >= 2 * MINUTE && look < 4 * MINUTE ? 0 : 200,
        harm: { share: 0.5, ms: 5 },
      }));
      expect(looks.slice(2 * MINUTE + 30, 4 * MINUTE).every(({ speed }) => speed === 1)).toBe(true);
      expect(meanSpeed(looks.slice(4 * MINUTE + 2))).toBeLessThan(0.1);
    }
  });
});
