import { HitlessError, type Failure } from "../base/error.ts";

/** What people are told of an engine that has stopped acting for an app. */
export function faultOf(app: string, error: unknown): Failure {
  if (error instanceof HitlessError && error.code === "ERR_STALE_EPOCH") return error.failure;
  return {
    code: "ERR_INVARIANT",
    what: `The daemon has stopped acting for ${app} because of an error of its own.`,
    why: error instanceof Error ? error.message : String(error),
    next:
      "What serves goes on serving. `hitless down --keep-instances` and `hitless up` start the daemon anew; it goes on from its journal. " +
      "Please report this with the daemon's log.",
  };
}

/** What an operator is told whose request met an error of ours: nothing has come of it, and the app is looked after as before. */
export function requestFault(app: string, request: string, error: unknown): HitlessError {
  return new HitlessError(
    {
      code: "ERR_INVARIANT",
      what: `The daemon could not decide on ${request} of ${app} because of an error of its own.`,
      why: error instanceof Error ? error.message : String(error),
      next: `Nothing was changed, and ${app} goes on as before. Please report this with the daemon's log.`,
    },
    { cause: error },
  );
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
