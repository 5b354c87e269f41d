import { expect, test } from "vitest";
import { HitlessError } from "../../../src/base/error.ts";
import { newApp } from "../../../src/core/new-app.ts";
import { newMove } from "../../../src/core/session-move/changes.ts";
import type { MovePhase } from "../../../src/core/session-move/move.ts";
import type { ServerContext } from "../../../src/server/context.ts";
import { appRoutes } from "../../../src/server/routes/apps.ts";

/** What `hitless sessions` is told to do next when the store cannot be read while sessions move. */
async function nextIn(phase: MovePhase, trouble: string | null): Promise<string> {
  const order = { id: "m", app: "shop", by: "ada", at: 0, from: { url: "redis://old" }, to: { url: "redis://new" } };
  const report = { move: { ...newMove(order, null), phase }, waits: null, progress: null, trouble };
  const unreachable = new HitlessError({ code: "ERR_SESSIONS_UNREACHABLE", what: "The session store cannot be read." });
  const context = {
    engine: { state: () => newApp("shop") },
    sessionMoves: { report: () => report },
    sessions: () => Promise.reject(unreachable),
  } as unknown as ServerContext;
  const route = appRoutes(context).find(({ path }) => path === "/v1/apps/:app/sessions");
  const call = { params: { app: "shop" }, query: new URLSearchParams() } as unknown as Parameters<
    NonNullable<typeof route>["handle"]
  >[0];
  const failure = await Promise.resolve(route?.handle(call)).catch((error: unknown) => (error as HitlessError).failure);
  return (failure as HitlessError["failure"]).next ?? "";
}

test("the line of a move that went back goes after a day", async () => {
  const order = { id: "m", app: "shop", by: "ada", at: 0, from: { url: "redis://old" }, to: { url: "redis://new" } };
  const shown = async (phase: MovePhase, now: number): Promise<boolean> => {
    const report = { move: { ...newMove(order, null), phase }, waits: null, progress: null, trouble: null };
    const context = {
      engine: { state: () => newApp("shop") },
      sessionMoves: { report: () => report },
      sessions: () => Promise.resolve({ app: "shop" }),
      now: () => now,
    } as unknown as ServerContext;
    const route = appRoutes(context).find(({ path }) => path === "/v1/apps/:app/sessions");
    const call = { params: { app: "shop" }, query: new URLSearchParams() } as unknown as Parameters<
      NonNullable<typeof route>["handle"]
    >[0];
    return "move" in ((await route?.handle(call)) as object);
  };
  expect([await shown("aborted", 1_000), await shown("aborted", 86_400_000), await shown("done", 86_400_000)]).toEqual([
    true,
    false,
    true,
  ]);
});

test("who looks at sessions while a store of their move is gone is told what is wrong and the way out, and what is not lost", async () => {
  expect(await nextIn("switching", "the old store is gone (for 7 s); bring it back")).toBe(
    "The sessions are being moved (switching): the old store is gone (for 7 s); bring it back. Nothing is lost: every change that was told as made is in both stores.",
  );
  expect(await nextIn("doubling", null)).toContain(
    "the move goes on when the store is back; `hitless status` shows it. Nothing is lost",
  );
  expect(await nextIn("leaving", null), "who knows the old store only has written there only").not.toContain("both stores");
});
