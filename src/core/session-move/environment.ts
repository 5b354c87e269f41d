import { SESSION_MOVE, SESSION_MOVE_FROM, SESSION_MOVE_TO, SESSION_URL } from "../../base/session-move.ts";
import type { SessionsSpec } from "../sessions-spec.ts";
import { concerns, home, sightOf, type SessionMove, type StorePlace } from "./move.ts";

/** What instances that are started now must know of the move. */
export function moveVariables(move: SessionMove): Readonly<Record<string, string>> {
  const { reads, writesBoth } = sightOf(move.phase);
  const url = { [SESSION_URL]: home(move).url };
  if (!writesBoth) return url;
  const other = reads === "old" ? { [SESSION_MOVE_TO]: move.to.url } : { [SESSION_MOVE_FROM]: move.from.url };
  return { ...url, ...other, [SESSION_MOVE]: move.id };
}

/** Whether a release that keeps its sessions at `place` needs the app's state server: its instances are told of it, or web servers come there for ASP.NET sessions. */
export function needsServer(sessions: SessionsSpec | undefined, place: StorePlace | null, move: SessionMove | null): boolean {
  if (sessions?.server?.aspNet !== undefined) return true;
  if (place === null || move === null || !concerns(move, place)) return place?.ours === true;
  const told = sightOf(move.phase).writesBoth ? [move.from, move.to] : [home(move)];
  return told.some(({ ours }) => ours === true);
}
