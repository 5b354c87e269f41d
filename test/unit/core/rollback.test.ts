import { expect, test } from "vitest";
import { CoreRun, deployed } from "../../support/core-run.ts";

test("without a name it goes to the release that was active before, and back again", () => {
  const run = deployed(3);
  run.rollback();
  run.settle();
  expect(run.state).toMatchObject({ active: "r2", promoted: ["r1", "r3", "r2"] });
  run.rollback();
  run.settle();
  expect(run.state.active).toBe("r3");
});

test("with a name it goes to that release", () => {
  const run = deployed(3);
  expect(run.rollback("r1").refusal).toBeNull();
  run.settle();
  expect(run.last()).toMatchObject({ kind: "rollback", from: "r3", to: "r1", outcome: "done" });
  expect(run.serving()).toBe("r1 r1 r1");
});

test.each([
  ["an unknown release", 2, "r9", "ERR_RELEASE_UNKNOWN", "Kept are r1, r2."],
  ["the active release", 2, "r2", "ERR_NO_ROLLBACK_TARGET", undefined],
  ["none before the first one", 1, null, "ERR_NO_ROLLBACK_TARGET", undefined],
  ["anything before the first deployment", 0, null, "ERR_NO_ROLLBACK_TARGET", undefined],
  ["a release before the first deployment", 0, "r1", "ERR_RELEASE_UNKNOWN", "None is kept."],
])("to %s is refused and nothing is ordered", (_title, releases, to, code, why) => {
  const run = releases === 0 ? new CoreRun() : deployed(releases);
  const ordered = run.ordered.length;
  const { refusal } = run.rollback(to);
  expect(refusal).toMatchObject({ code, ...(why === undefined ? {} : { why }) });
  expect(run.ordered).toHaveLength(ordered);
  expect(run.isRunning()).toBe(false);
});

test("a release that was pruned cannot be gone back to", () => {
  const run = deployed(3);
  run.send({ kind: "release.pruned", releases: ["r1"] });
  expect(run.rollback("r1").refusal?.code).toBe("ERR_RELEASE_UNKNOWN");
  expect(run.rollback().refusal).toBeNull();
  run.settle();
  expect(run.state.active).toBe("r2");
});
