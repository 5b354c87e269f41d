import type { AppStatus } from "../../api/daemon.ts";
import { HitlessError } from "../../base/error.ts";
import { isOver, isTold, sightOf } from "../../core/session-move/move.ts";
import type { AppState } from "../../core/state.ts";
import type { MoveReport } from "../../engine/sessions/session-moves.ts";
import type { Route } from "../../api/transport/serve.ts";
import type { ServerContext } from "../context.ts";
import { knownApp } from "../known.ts";
import { moveStatus } from "./session-moves.ts";
import { readLog } from "../log-reader.ts";
import { appStatus, releaseStatuses, type Troubles } from "../status.ts";

const LINES_DEFAULT = 100;
const LINES_MAX = 100_000;
/** What becomes of a move whose store is gone, and of which no more is known yet. */
const WAYS_OUT: Readonly<Partial<Record<MoveReport["move"]["phase"], string>>> = {
  switching: "if the new store stays away the move goes back by itself, `hitless sessions move --abort` takes it back now",
  finishing: "there is no way back, and it goes on when the new store is back",
};
/** As session stores for Redis write it. */
const DEFAULT_PREFIX = "sess:";

/** Looking at apps: status, releases, ledger, logs. */
export function appRoutes(context: ServerContext): readonly Route[] {
  const { engine, traffic, stateDirectory } = context;
  const troublesOf = (app: string): Troubles => ({ fault: engine.fault(app), warnings: context.contracts.problems(app) });
  const statusOf = async (state: AppState): Promise<AppStatus> => {
    const status = await appStatus(state, troublesOf(state.app), traffic);
    const report = context.sessionMoves.report(state.app);
    return report === null || isOver(report.move) ? status : { ...status, sessionMove: moveStatus(report, context.now()) };
  };
  return [
    {
      method: "GET",
      path: "/v1/apps",
      handle: async () => {
        const states = engine
          .apps()
          .map((app) => engine.state(app))
          .filter((state) => state !== null);
        return { apps: await Promise.all(states.map(statusOf)) };
      },
    },
    {
      method: "GET",
      path: "/v1/apps/:app",
      handle: ({ params }) => {
        return statusOf(knownApp(context, params["app"] ?? ""));
      },
    },
    {
      method: "GET",
      path: "/v1/apps/:app/releases",
      handle: ({ params }) => ({ releases: releaseStatuses(knownApp(context, params["app"] ?? "")) }),
    },
    {
      method: "GET",
      path: "/v1/apps/:app/sessions",
      handle: async ({ params, query }) => {
        const state = knownApp(context, params["app"] ?? "");
        const report = context.sessionMoves.report(state.app);
        const status = await context.sessions(state, query.get("prefix") ?? DEFAULT_PREFIX).catch((error: unknown) => {
          throw report === null ? error : unreachableInMove(error, report);
        });
        return report === null || !isTold(report.move, context.now())
          ? status
          : { ...status, move: moveStatus(report, context.now()) };
      },
    },
    {
      method: "GET",
      path: "/v1/apps/:app/ledger",
      handle: async ({ params }) => ({ ledger: await traffic.ledger(knownApp(context, params["app"] ?? "").app) }),
    },
    {
      method: "GET",
      path: "/v1/apps/:app/logs/:instance",
      handle: ({ params, query }) => {
        const { app } = knownApp(context, params["app"] ?? "");
        const offset = query.get("offset");
        const lines = Math.min(LINES_MAX, numberOr(query.get("lines"), LINES_DEFAULT));
        return readLog(stateDirectory, app, params["instance"] ?? "", {
          offset: offset === null ? null : numberOr(offset, 0),
          lines,
        });
      },
    },
  ];
}

/** Who looks because a store is gone has to know of the move, and of the way out. */
function unreachableInMove(error: unknown, { move, trouble }: MoveReport): unknown {
  if (!(error instanceof HitlessError) || error.code !== "ERR_SESSIONS_UNREACHABLE" || isOver(move)) return error;
  const { phase } = move;
  const isInBoth = sightOf(phase).writesBoth;
  return new HitlessError({
    ...error.failure,
    next: `The sessions are being moved (${phase}): ${trouble ?? WAYS_OUT[phase] ?? "the move goes on when the store is back; `hitless status` shows it"}.${isInBoth ? " Nothing is lost: every change that was told as made is in both stores." : ""}`,
  });
}

export function numberOr(text: string | null, fallback: number): number {
  const value = text === null ? NaN : Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : fallback;
}
