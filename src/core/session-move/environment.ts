import { SESSION_MOVE, SESSION_MOVE_FROM, SESSION_MOVE_TO, SESSION_URL } from "../../base/session-move.ts";
import { home, sightOf, type SessionMove } from "./move.ts";

/** What instances that are started now must know of the move. */
export function moveVariables(move: SessionMove): Readonly<Record<string, string>> {
  const { reads, writesBoth } = sightOf(move.phase);
  const url = { [SESSION_URL]: home(move).url };
  if (!writesBoth) return url;
  const other = reads === "old" ? { [SESSION_MOVE_TO]: move.to.url } : { [SESSION_MOVE_FROM]: move.from.url };
  return { ...url, ...other, [SESSION_MOVE]: move.id };
}
