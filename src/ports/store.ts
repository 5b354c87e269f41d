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

/** The durable memory of the engine. Every write is on disk when its promise resolves. */
export interface Store {
  apps(): Promise<readonly string[]>;
  /** Makes this process the one writer: gives an epoch higher than any before. */
  openEpoch(app: string): Promise<number>;
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
  saveSnapshot(app: string, seq: number, state: AppState): Promise<void>;
  /** Keeps the record of a deployment (again when it changes). */
  saveDeployment(app: string, deployment: Deployment): Promise<void>;
  /** Newest first. */
  deployments(app: string, limit: number): Promise<readonly Deployment[]>;
  /** Notes with a sequence number above `after`, oldest first. */
  notes(app: string, deployment: string, after: number): Promise<readonly (Note & { readonly seq: number })[]>;
  close(): void;
}
