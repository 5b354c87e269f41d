import { expect, test } from "vitest";
import type { AssetsSpec } from "../../../src/core/assets.ts";
import { CoreRun, webOnly } from "../../support/core-run.ts";

const HOUR_MS = 3_600_000;
const ASSETS: AssetsSpec = { places: [{ path: "/assets", directory: "public" }], keep: 2, maxAgeMs: HOUR_MS };
const SPEC = { ...webOnly(1), assets: ASSETS };

function deployedWith(count: number, spec = SPEC): CoreRun {
  const run = new CoreRun();
  for (let at = 0; at < count; at += 1) {
    run.deploy(spec);
    run.settle();
  }
  return run;
}

const sourcesOf = (run: CoreRun): readonly string[] =>
  (run.tables.at(-1)?.assets ?? []).map(({ release, until }) => (until === null ? release : `${release} for a time`));
const lastPrune = (run: CoreRun): unknown => run.ordered.findLast(({ kind }) => kind === "release.prune");

test("the table names the active release and the last ones that it has replaced, as many as are kept", () => {
  expect(sourcesOf(deployedWith(1))).toEqual(["r1"]);
  expect(sourcesOf(deployedWith(2))).toEqual(["r2", "r1 for a time"]);
  const run = deployedWith(5);
  expect(sourcesOf(run)).toEqual(["r5", "r4 for a time", "r3 for a time"]);
  expect(lastPrune(run)).toMatchObject({ inUse: ["r3", "r4", "r5"] });
});

test("while a release comes, its files are there for pages that an instance of the other one gets asked for", () => {
  const run = deployedWith(1);
  const before = run.tables.length;
  run.deploy(SPEC);
  run.settle();
  const during = run.tables.slice(before).find(({ pools }) => pools.length === 2);
  expect(during?.assets?.map(({ release }) => release)).toEqual(["r2", "r1"]);
});

test("after going back the release that was left is one of the replaced ones, from then on", () => {
  const run = deployedWith(2);
  run.at += 100 * HOUR_MS;
  run.rollback();
  run.settle();
  expect(sourcesOf(run)).toEqual(["r1", "r2 for a time"]);
});

test("what was replaced longer ago than is said is neither named nor kept", () => {
  const run = deployedWith(2);
  run.at += 2 * HOUR_MS;
  run.deploy({ ...SPEC, assets: { ...ASSETS, keep: 10 } });
  run.settle();
  expect(sourcesOf(run)).toEqual(["r3", "r2 for a time"]);
});

test("a release that says other directories keeps its own, one that says none has those of the active one", () => {
  const run = deployedWith(1, { ...SPEC, assets: { ...ASSETS, places: [{ path: "/assets", directory: "dist" }] } });
  run.deploy(SPEC);
  run.settle();
  expect(run.tables.at(-1)?.assets?.map(({ places }) => places[0]?.directory)).toEqual(["public", "dist"]);
  const silent = deployedWith(1, webOnly(1) as typeof SPEC);
  expect(silent.tables.at(-1)).not.toHaveProperty("assets");
  silent.deploy(SPEC);
  silent.settle();
  expect(silent.tables.at(-1)?.assets?.map(({ places }) => places[0]?.directory)).toEqual(["public", "public"]);
});
