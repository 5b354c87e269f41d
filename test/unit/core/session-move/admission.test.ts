import { describe, expect, test } from "vitest";
import { newApp } from "../../../../src/core/new-app.ts";
import { admitRetry, admitRollback } from "../../../../src/core/session-move/admission.ts";
import { entered, newMove } from "../../../../src/core/session-move/changes.ts";
import type { MovePhase, SessionMove } from "../../../../src/core/session-move/move.ts";
import type { AppState, Deployment } from "../../../../src/core/state.ts";

const STATE: AppState = { ...newApp("shop"), active: "r2", returned: { release: "r3" } as AppState["returned"] };
const RUNNING: AppState = { ...STATE, deployment: { outcome: null } as Deployment };
const PHASES: readonly MovePhase[] = [
  ...(["doubling", "copying", "switching", "finishing", "done"] as const),
  ...(["returning", "leaving", "aborted"] as const),
];

function inPhase(phase: MovePhase): SessionMove {
  const places = { from: { url: "redis://a" }, to: { url: "redis://b" } };
  return entered(newMove({ id: "m", app: "shop", by: "ada", at: 1, ...places }, null), phase, 2);
}

/** In which phases it is refused, and that it is said why and what to do. */
function refusedIn(admit: (move: SessionMove) => void): readonly MovePhase[] {
  return PHASES.filter((phase) => {
    try {
      admit(inPhase(phase));
      return false;
    } catch (error) {
      expect(error).toMatchObject({
        code: "ERR_SESSIONS_MOVING",
        failure: { why: expect.stringContaining("both") as string, next: expect.stringContaining("--abort") as string },
      });
      return true;
    }
  });
}

describe("while instances must write into both stores", () => {
  test("nobody goes back to another release, which may not; to the active one always", () => {
    const both = ["doubling", "copying", "switching", "returning"];
    expect(
      refusedIn((move) => {
        admitRollback(move, STATE, "r1");
      }),
    ).toEqual(both);
    expect(
      refusedIn((move) => {
        admitRollback(move, STATE, "r2");
      }),
    ).toEqual([]);
    expect(
      refusedIn((move) => {
        admitRollback(move, STATE, null);
      }),
    ).toEqual([]);
    admitRollback(null, STATE, "r1");
  });
});

describe("until a move is over", () => {
  test("what went back is not tried again, as it is new; what a running deployment could not pass is judged again", () => {
    const under = PHASES.filter((phase) => phase !== "done" && phase !== "aborted");
    expect(
      refusedIn((move) => {
        admitRetry(move, STATE);
      }),
    ).toEqual(under);
    expect(
      refusedIn((move) => {
        admitRetry(move, RUNNING);
      }),
    ).toEqual([]);
    expect(
      refusedIn((move) => {
        admitRetry(move, { ...STATE, returned: undefined });
      }),
    ).toEqual([]);
    admitRetry(null, STATE);
  });
});
