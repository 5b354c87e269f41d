import { moveSessionsSchema, type SessionMoveStatus } from "../../api/sessions.ts";
import { operatorSchema } from "../../api/daemon.ts";
import { parseBody, type Route } from "../../api/transport/serve.ts";
import { isOver, shown } from "../../core/session-move/move.ts";
import type { MoveReport } from "../../engine/sessions/session-moves.ts";
import type { ServerContext } from "../context.ts";
import { knownApp } from "../known.ts";

/** Sessions that go to another store while they are used. */
export function sessionMoveRoutes(context: ServerContext): readonly Route[] {
  const { sessionMoves, log, now } = context;
  const answer = (report: MoveReport | null): { readonly move: SessionMoveStatus | null } => ({
    move: report === null ? null : moveStatus(report, now()),
  });
  return [
    {
      method: "GET",
      path: "/v1/apps/:app/sessions/move",
      handle: ({ params }) => answer(sessionMoves.report(knownApp(context, params["app"] ?? "").app)),
    },
    {
      method: "POST",
      path: "/v1/apps/:app/sessions/move",
      handle: async ({ params, body }) => {
        const state = knownApp(context, params["app"] ?? "");
        const { by, to } = parseBody(moveSessionsSchema, body);
        log.info("a move of sessions was asked for", { app: state.app, by, to: shown({ url: to }) });
        return answer(await sessionMoves.begin(state, { by, to }));
      },
    },
    {
      method: "POST",
      path: "/v1/apps/:app/sessions/move/abort",
      handle: async ({ params, body }) => {
        const { app } = knownApp(context, params["app"] ?? "");
        const { by } = parseBody(operatorSchema, body);
        log.info("a move of sessions was asked to go back", { app, by });
        return answer(await sessionMoves.abort(app, by));
      },
    },
  ];
}

/** As it may leave the machine: without passwords. */
export function moveStatus({ move, waits, progress, trouble }: MoveReport, now: number): SessionMoveStatus {
  const { id, by, from, to, phase, startedAt, since, verified, failure } = move;
  return {
    id,
    by,
    from: shown(from),
    to: shown(to),
    phase,
    startedAt,
    since,
    isOver: isOver(move),
    waits,
    ...(trouble === null ? {} : { trouble }),
    progress: progress === null ? null : progressStatus(progress, now),
    verified,
    failure,
  };
}

function progressStatus(
  { doing, done, total, since }: NonNullable<MoveReport["progress"]>,
  now: number,
): NonNullable<SessionMoveStatus["progress"]> {
  const perSecond = now > since && done > 0 ? (done * 1_000) / (now - since) : null;
  return { doing, done, total, perSecond, etaMs: perSecond === null ? null : ((total - done) * 1_000) / perSecond };
}
