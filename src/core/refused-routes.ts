import type { Failure } from "../base/error.ts";
import { note, order, patch, running, type Draft } from "./draft.ts";
import { goBack } from "./going-back.ts";

/** Fires when a table that was refused outside of a deployment is to be ordered again. */
export const ROUTES_TIMER = "routes";
const RETRY_MS = 5_000;

/** The proxy will not have a table: a deployment goes back; otherwise (a port was taken while we were away) it is tried again. */
export function whenTrafficRefused(draft: Draft, refused: { revision: number; failure: Failure }): void {
  if (refused.revision !== draft.state.routes.revision) return;
  const { routes, active } = draft.state;
  patch(draft, { routes: { ...routes, installed: false, specRelease: active } });
  if (running(draft.state) !== null) {
    goBack(draft, refused.failure);
    return;
  }
  note(draft, refused.failure.what, "bad");
  order(draft, { kind: "timer.set", timer: ROUTES_TIMER, at: draft.at + RETRY_MS }, null);
}
