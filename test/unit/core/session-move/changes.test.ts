import { describe, expect, test } from "vitest";
import { admitRelease } from "../../../../src/core/session-move/admission.ts";
import { aborted, entered, failed, newMove } from "../../../../src/core/session-move/changes.ts";
import { moveVariables } from "../../../../src/core/session-move/environment.ts";
import { concerns, home, isTold, shown, type SessionMove, type StorePlace } from "../../../../src/core/session-move/move.ts";

const OURS: StorePlace = { url: "redis://:pw@127.0.0.1:7000", ours: true };
const A: StorePlace = { url: "redis://:secret@a:6379/0" };
const B: StorePlace = { url: "postgres://u:secret@b/shop?sslmode=require" };

function moved(from: StorePlace, to: StorePlace, last: SessionMove | null = null): SessionMove {
  return entered(newMove({ id: "m", app: "shop", by: "ada", at: 1, from, to }, last), "done", 2);
}

const codeOf = (work: () => void): string => {
  try {
    work();
    return "";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test("that a move went back is said for a day; one that is going on, or is done, is said for as long as it is the last", () => {
  const wentBack = entered(moved(A, B), "aborted", 1_000);
  expect([isTold(wentBack, 1_000), isTold(wentBack, 86_400_999), isTold(wentBack, 86_401_000)]).toEqual([true, true, false]);
  for (const phase of ["doubling", "leaving", "finishing", "done"] as const)
    expect(isTold(entered(moved(A, B), phase, 1_000), 1e12)).toBe(true);
});

describe("after a move", () => {
  test("who names a store that was left is refused a new release, with whatever password; who names the new one, or none, is not", () => {
    const move = moved(A, B);
    const other = { url: "redis://other:6379/0" };
    const code = (place: StorePlace | null): string =>
      codeOf(() => {
        admitRelease(move, "shop", place);
      });
    expect([A, { url: "redis://:new@a:6379/0" }].map(code)).toEqual(["ERR_SESSIONS_MOVED", "ERR_SESSIONS_MOVED"]);
    expect([B, { url: "postgres://u:new@b/shop" }, other, OURS, null].map(code)).toEqual(["", "", "", "", ""]);
  });

  test("an older release finds its sessions where they are; who names the new store keeps its own password", () => {
    const move = moved(OURS, A);
    expect(concerns(move, { url: "", ours: true })).toBe(true);
    expect(moveVariables(move)).toEqual({ HITLESS_SESSION_URL: A.url });
    expect(concerns(move, { url: "redis://:rotated@a:6379/0" })).toBe(false);
  });

  test("stores that were left are remembered over further moves, until sessions come back there", () => {
    const twice = moved(A, B, moved(OURS, A));
    expect(twice.earlier).toEqual([OURS]);
    expect([OURS, A].map((place) => concerns(twice, place))).toEqual([true, true]);
    const back = moved(B, OURS, twice);
    expect(back.earlier).toEqual([A]);
    expect(home(back)).toEqual(OURS);
  });

  test("one that went back has changed nothing", () => {
    const move = entered(newMove({ id: "m", app: "shop", by: "ada", at: 1, from: A, to: B }, null), "aborted", 2);
    expect(
      [A, B].map((place) =>
        codeOf(() => {
          admitRelease(move, "shop", place);
        }),
      ),
    ).toEqual(["", ""]);
    expect([A, B].map((place) => concerns(move, place))).toEqual([false, false]);
  });
});

describe("during a move", () => {
  const begun = newMove({ id: "m", app: "shop", by: "ada", at: 1, from: A, to: B }, null);

  test("no new release is admitted, wherever it has its sessions", () => {
    expect(
      [A, B, null].map((place) =>
        codeOf(() => {
          admitRelease(begun, "shop", place);
        }),
      ),
    ).toEqual(Array(3).fill("ERR_SESSIONS_MOVING"));
  });

  test("instances are told of both stores, by the one they read", () => {
    expect(moveVariables(begun)).toEqual({
      HITLESS_SESSION_URL: A.url,
      HITLESS_SESSION_MOVE_TO: B.url,
      HITLESS_SESSION_MOVE: "m",
    });
    expect(moveVariables(entered(begun, "switching", 2))).toEqual({
      HITLESS_SESSION_URL: B.url,
      HITLESS_SESSION_MOVE_FROM: A.url,
      HITLESS_SESSION_MOVE: "m",
    });
  });

  test("there is a way back until instances know the new store only; after that a failure is tried again, later each time", () => {
    expect(codeOf(() => aborted(entered(begun, "finishing", 2), "ada", 3))).toBe("ERR_SESSIONS_MOVING");
    expect(codeOf(() => aborted(moved(A, B), "ada", 3))).toBe("ERR_NOTHING_RUNNING");
    const failure = { code: "ERR_INSTANCE_UNREADY", what: "no" } as const;
    const once = failed(entered(begun, "finishing", 2), failure, 1_000);
    const twice = failed(once, failure, 2_000);
    expect([once.phase, once.retryAt, twice.retryAt, twice.failure]).toEqual(["finishing", 6_000, 12_000, failure]);
  });

  test("no password is shown", () => {
    expect([A, B, OURS].map(shown)).toEqual(["redis://a:6379/0", "postgres://b/shop", "the state server of Hitless"]);
  });
});
