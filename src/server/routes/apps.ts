import type { Route } from "../../api/transport/serve.ts";
import type { ServerContext } from "../context.ts";
import { knownApp } from "../known.ts";
import { moveStatus } from "./session-moves.ts";
import { readLog } from "../log-reader.ts";
import { appStatus, releaseStatuses, type Troubles } from "../status.ts";

const LINES_DEFAULT = 100;
const LINES_MAX = 100_000;
/** As session stores for Redis write it. */
const DEFAULT_PREFIX = "sess:";

/** Looking at apps: status, releases, ledger, logs. */
export function appRoutes(context: ServerContext): readonly Route[] {
  const { engine, traffic, stateDirectory } = context;
  const troublesOf = (app: string): Troubles => ({ fault: engine.fault(app), warnings: context.contracts.problems(app) });
  return [
    {
      method: "GET",
      path: "/v1/apps",
      handle: async () => {
        const states = engine
          .apps()
          .map((app) => engine.state(app))
          .filter((state) => state !== null);
        return { apps: await Promise.all(states.map((state) => appStatus(state, troublesOf(state.app), traffic))) };
      },
    },
    {
      method: "GET",
      path: "/v1/apps/:app",
      handle: ({ params }) => {
        const state = knownApp(context, params["app"] ?? "");
        return appStatus(state, troublesOf(state.app), traffic);
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
        const status = await context.sessions(state, query.get("prefix") ?? DEFAULT_PREFIX);
        const report = context.sessionMoves.report(state.app);
        return report === null ? status : { ...status, move: moveStatus(report, context.now()) };
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

export function numberOr(text: string | null, fallback: number): number {
  const value = text === null ? NaN : Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : fallback;
}
