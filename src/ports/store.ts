import type { IntendedCommand } from "../core/command.ts";
import type { Event } from "../core/event.ts";
import type { AppState, Deployment } from "../core/state.ts";

/** One line for people, as `deploy` prints it and `history` keeps it. */
export interface Note {
  readonly at: number;
  readonly level: "info" | "good" | "bad";
  readonly text: string;
}

export interface JournalEntry {
  /** 1, 2, 3 … per app. */
  readonly seq: number;
  readonly epoch: number;
  readonly event: Event;
  readonly commands: readonly IntendedCommand[];
  readonly notes: readonly Note[];
  /** The deployment that the notes belong to, or null for supervision. */
  readonly deployment: string | null;
}

/** Who has the right to act on everything in a store. */
export interface Lease {
  /** For people, and for `isGone` of whoever wants it. */
  readonly holder: string;
  /** Goes up with every taking. */
  readonly epoch: number;
  /** Milliseconds since the epoch, by the clock of the holder. */
  readonly renewedAt: number;
  readonly expiresAt: number;
}

export interface LeaseTerm {
  readonly holder: string;
  readonly now: number;
  readonly ttlMs: number;
}

/** The durable memory of the engine. Every write is on disk when its promise resolves. */
export interface Store {
  apps(): Promise<readonly string[]>;
  /** The lease as it stands, expired or not; null if there never was one. */
  lease(): Promise<Lease | null>;
  /** Takes the lease from the one with the epoch `after` (0 for none); null, and nothing is changed, if somebody was faster. */
  takeLease(after: number, term: LeaseTerm): Promise<Lease | null>;
  /** Prolongs the lease, expired or not; throws ERR_STALE_EPOCH when another has taken it. */
  renewLease(epoch: number, term: LeaseTerm): Promise<Lease>;
  /** Makes the holder of the lease with this epoch the one writer: gives an epoch of the app higher than any before. Throws ERR_STALE_EPOCH when another has taken the lease. */
  openEpoch(app: string, lease: number): Promise<number>;
  /**
   * Does something at once that only the one writer may do, such as sending a signal: no epoch can be opened in between. Throws ERR_STALE_EPOCH, and
   * does nothing, when a higher epoch of the app was opened.
   */
  fenced<T>(app: string, epoch: number, effect: () => T): T;
  /** Appends one entry; throws ERR_STALE_EPOCH when a higher epoch was opened meanwhile. The entry is there whole or not at all. */
  append(app: string, entry: JournalEntry): Promise<void>;
  /**
   * The latest snapshot (state after `seq`), the entries after it (without their notes: `notes` gives those), and every command that no
   * event has settled, oldest first. An app that was never written is empty, and stays unknown to `apps`.
   */
  load(app: string): Promise<{
    readonly snapshot: { readonly seq: number; readonly state: AppState } | null;
    readonly entries: readonly JournalEntry[];
    readonly unsettled: readonly IntendedCommand[];
  }>;
  /** An older one than what is kept changes nothing. */
  saveSnapshot(app: string, seq: number, state: AppState): Promise<void>;
  /** Keeps the record of a deployment (again when it changes). */
  saveDeployment(app: string, deployment: Deployment): Promise<void>;
  /** Newest first. */
  deployments(app: string, limit: number): Promise<readonly Deployment[]>;
  /** Notes with a sequence number above `after`, oldest first. */
  notes(app: string, deployment: string, after: number): Promise<readonly (Note & { readonly seq: number })[]>;
  close(): void;
}
