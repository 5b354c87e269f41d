import type { Page } from "./pages.ts";
import type { FieldMatch } from "./routing.ts";

/** What stands before an app by an operator's wish, as its route table carries it. */
export interface Gate {
  readonly pause?: PauseGate | undefined;
  readonly maintenance?: MaintenanceGate | undefined;
  /** Paths that go to the application all the same: a balancer before us must not take its health checks for ours. */
  readonly exceptPaths: readonly string[];
}

/** Requests wait in the proxy. */
export interface PauseGate {
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly then: PauseEnd;
}

/** At the limit of a pause: requests get 503 until somebody resumes, or go on by themselves. */
export const PAUSE_ENDS = ["refuse", "resume"] as const;
export type PauseEnd = (typeof PAUSE_ENDS)[number];

/** Requests get a page from the proxy. */
export interface MaintenanceGate {
  readonly status: number;
  /** Seconds; null: no such field. */
  readonly retryAfterS: number | null;
  /** Null: the proxy's own. */
  readonly page: Page | null;
  /** Addresses and CIDR ranges of clients that go through to the application. */
  readonly allow: readonly string[];
  /** Clients with one of these cookies go through too. */
  readonly allowCookies: readonly FieldMatch[];
}

export const DEFAULT_MAINTENANCE: MaintenanceGate = Object.freeze({
  status: 503,
  retryAfterS: 120,
  page: null,
  allow: [],
  allowCookies: [],
});

/** What the engine knows of it. */
export interface GateState {
  readonly pause: PauseState | null;
  readonly maintenance: MaintenanceState | null;
  /** Those that have ended, oldest first. */
  readonly ended: readonly GatePeriod[];
}

export interface PauseState extends PauseGate {
  readonly by: string;
  readonly since: number;
  /** The table that brought it. */
  readonly revision: number;
  /** The workers have been asked whether anything is in flight. */
  readonly asked: boolean;
  /** When every worker had acknowledged that nothing is. */
  readonly quietAt: number | null;
}

export interface MaintenanceState extends MaintenanceGate {
  readonly by: string;
  readonly since: number;
}

export interface GatePeriod {
  readonly kind: "pause" | "maintenance";
  readonly by: string;
  readonly since: number;
  readonly until: number;
}
