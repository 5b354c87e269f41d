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
  { target: "an unknown release", releases: 2, to: "r9", refused: { code: "ERR_RELEASE_UNKNOWN", why: "Kept are r1, r2." } },
  { target: "the active release", releases: 2, to: "r2", refused: { code: "ERR_NO_ROLLBACK_TARGET" } },
  { target: "what was before the first one", releases: 1, to: null, refused: { code: "ERR_NO_ROLLBACK_TARGET" } },
  { target: "anything before the first deployment", releases: 0, to: null, refused: { code: "ERR_NO_ROLLBACK_TARGET" } },
  { target: "r1 before there is one", releases: 0, to: "r1", refused: { code: "ERR_RELEASE_UNKNOWN", why: "None is kept." } },
])("scenario 52: to $target is refused, and nothing is ordered", ({ releases, to, refused }) => {
  const run = releases === 0 ? new CoreRun() : deployed(releases);
  const ordered = run.ordered.length;
  expect(run.rollback(to).refusal).toMatchObject(refused);
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
