import type { Failure } from "../../base/error.ts";
import type { DeploymentName } from "../../base/names.ts";
import { SESSION_URL } from "../../base/session-move.ts";
import type { SessionsSpec } from "../sessions-spec.ts";

/** Where sessions are kept. */
export interface StorePlace {
  /** May hold a password: never journaled, never shown as it is. */
  readonly url: string;
  /** The state server that the daemon runs for the app. Absent: somebody else's. */
  readonly ours?: true | undefined;
}

/**
 * Where a move stands. Those of the first line go forward; from all but `finishing` there is a way back, on the second line. In each of them but `copying` every instance is
 * replaced by one that knows of it.
 */
export type MovePhase =
  | ("doubling" | "copying" | "switching" | "finishing" | "done")
  /** From `switching`: what reads the new store reads the old one again, before anybody stops to write into both. */
  | ("returning" | "leaving" | "aborted");

/** The move of an app's sessions to another store, as it is on disk. */
export interface SessionMove {
  /** Drawn by lot. */
  readonly id: string;
  readonly app: string;
  readonly by: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly startedAt: number;
  readonly from: StorePlace;
  readonly to: StorePlace;
  /** What the sessions have left in earlier moves. */
  readonly earlier: readonly StorePlace[];
  readonly phase: MovePhase;
  /** When this phase began. */
  readonly since: number;
  /** Instances from this number on were started in this phase, as it says. Null: not looked at yet. */
  readonly floor: number | null;
  /** The restart that replaces the others. Null: none was asked for. */
  readonly restart: DeploymentName | null;
  /** A restart that failed is tried again, where there is no way back. */
  readonly retryAt: number;
  readonly attempts: number;
  /** What the ids of the sessions begin with, as instances have told. */
  readonly prefixes: readonly string[];
  /** Sessions that were copied and then looked at in both stores. Null: not yet. */
  readonly verified: number | null;
  /** Why it goes or went back, or what is tried again. */
  readonly failure: Failure | null;
}

/** How long it is said of a move that it went back. */
const TOLD_MS = 86_400_000;

/** What instances of a phase do. */
export interface Sight {
  readonly reads: "old" | "new";
  readonly writesBoth: boolean;
}

const SIGHTS: Readonly<Record<MovePhase, Sight>> = {
  doubling: { reads: "old", writesBoth: true },
  copying: { reads: "old", writesBoth: true },
  switching: { reads: "new", writesBoth: true },
  finishing: { reads: "new", writesBoth: false },
  done: { reads: "new", writesBoth: false },
  returning: { reads: "old", writesBoth: true },
  leaving: { reads: "old", writesBoth: false },
  aborted: { reads: "old", writesBoth: false },
};

export function sightOf(phase: MovePhase): Sight {
  return SIGHTS[phase];
}

export function isOver({ phase }: SessionMove): boolean {
  return phase === "done" || phase === "aborted";
}

/** One that went back has left nothing behind: after a day nobody needs to be told any more. */
export function isTold({ phase, since }: SessionMove, now: number): boolean {
  return phase !== "aborted" || now - since < TOLD_MS;
}

/** Where instances read. */
export function home({ phase, from, to }: SessionMove): StorePlace {
  return sightOf(phase).reads === "old" ? from : to;
}

/** Where sessions of the app have been, and are not any more. */
export function left({ phase, from, earlier }: SessionMove): readonly StorePlace[] {
  return phase === "done" ? [from, ...earlier] : earlier;
}

/** Whether who names this place finds the sessions elsewhere, or must know of the move. */
export function concerns(move: SessionMove, place: StorePlace): boolean {
  const moving = isOver(move) ? [] : [move.from, move.to];
  return [...moving, ...left(move)].some((one) => isSamePlace(one, place));
}

/** Where a release keeps its sessions by its own word; null: it does not say. The state server's URL is not known to it. */
export function placeOf(sessions: SessionsSpec | undefined, env: Readonly<Record<string, string>>): StorePlace | null {
  if (sessions?.server !== undefined) return { url: "", ours: true };
  const url = env[SESSION_URL];
  return url === undefined ? null : { url };
}

/** Whatever the password is. */
export function isSamePlace(a: StorePlace, b: StorePlace): boolean {
  if (a.ours === true || b.ours === true) return a.ours === b.ours;
  return plain(a.url) === plain(b.url);
}

/** As people may see it. */
export function shown({ url, ours }: StorePlace): string {
  return ours === true ? "the state server of Hitless" : plain(url);
}

/** Without user, password and options. */
function plain(text: string): string {
  const url = URL.parse(text);
  if (url === null) return text.replace(/^.*@/, "");
  return `${url.protocol}//${url.host}${url.pathname}`;
}
