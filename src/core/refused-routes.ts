import type { Failure } from "../base/error.ts";
import { note, patch, running, setTimer, type Draft } from "./draft.ts";
import { goBack } from "./going-back.ts";
import type { Deployment } from "./state.ts";

/** Fires when a table that was refused outside of a deployment is to be ordered again. */
export const ROUTES_TIMER = "routes";
const RETRY_MS = 5_000;

/**
 * The proxy will not have a table: a deployment that brought it goes back; otherwise (a port was taken while we were away) it is tried again
 * after a while. Taking an app down has no way back.
 */
export function whenTrafficRefused(draft: Draft, refused: { revision: number; failure: Failure }): void {
  const { routes, active } = draft.state;
  if (refused.revision !== routes.revision) return;
  const deployment = running(draft.state);
  if (deployment !== null && bringsTables(deployment)) {
    patch(draft, { routes: { ...routes, installed: false, specRelease: active } });
    goBack(draft, refused.failure);
    return;
  }
  note(draft, refused.failure.what, "bad");
  setTimer(draft, ROUTES_TIMER, draft.at + RETRY_MS);
}

function bringsTables({ kind, step }: Deployment): boolean {
  return kind !== "suspend" && step !== "preparing" && step !== "closing";
}
