import { z } from "zod";
import type { Failure } from "../base/error.ts";

/** What `hitless sessions` shows of an app's session store. */
export interface SessionsStatus {
  readonly app: string;
  /** Its URL without a password. */
  readonly store: string;
  /** True: the daemon runs it. */
  readonly ours: boolean;
  /** Where it speaks the ASP.NET State Server Protocol. Absent: nowhere. */
  readonly aspNet?: string | undefined;
  /** When the app's state server was ended because nobody needed it any more. Absent: it runs, or there is none. */
  readonly serverEndedAt?: number | undefined;
  readonly count: number;
  /** Commands in a second; null where the store does not count them. */
  readonly ratePerSecond: number | null;
  readonly memoryBytes: number | null;
  /** For how long the session that was used least lately has not been used, among those that tell it; null: none does. */
  readonly oldestMs: number | null;
  /** So many sessions tell it. */
  readonly aged: number;
  /** Of so many sessions: which release wrote them last; null where that is not known. */
  readonly looked: number;
  readonly byRelease: readonly { readonly release: string | null; readonly count: number }[];
  /** Its last move to another store. Absent: there was none. */
  readonly move?: SessionMoveStatus | undefined;
}

/** `to`: the URL of a store, or `hitless` for a state server that the daemon runs. */
export const moveSessionsSchema = z.strictObject({ by: z.string().min(1).max(200), to: z.string().min(1).max(2_000) });
export type MoveSessionsRequest = z.infer<typeof moveSessionsSchema>;

export type SessionMovePhase = "doubling" | "copying" | "switching" | "finishing" | "done" | "returning" | "leaving" | "aborted";

/** A move of an app's sessions to another store. Times in milliseconds since the epoch. */
export interface SessionMoveStatus {
  readonly id: string;
  readonly by: string;
  /** Stores without their passwords. */
  readonly from: string;
  readonly to: string;
  readonly phase: SessionMovePhase;
  readonly startedAt: number;
  /** When the phase began. */
  readonly since: number;
  readonly isOver: boolean;
  /** Why nothing is done just now; null: something is. */
  readonly waits: string | null;
  /** What is wrong with a store, and what becomes of it. Absent: nothing. */
  readonly trouble?: string | undefined;
  /** While sessions are copied, and then looked at in both stores. */
  readonly progress: {
    readonly doing: "copying" | "verifying";
    readonly done: number;
    readonly total: number;
    readonly perSecond: number | null;
    readonly etaMs: number | null;
  } | null;
  /** Sessions that were found the same in both stores before the switch; null: not yet. */
  readonly verified: number | null;
  /** Why it goes or went back, or what is tried again. */
  readonly failure: Failure | null;
}
