import type { Failure } from "../base/error.ts";
import type { ReleaseName } from "../base/names.ts";
import type { AppState, Deployment } from "../core/state.ts";
import type { EventBody } from "../core/event.ts";
import type { ReleaseRequest } from "../ports/releases.ts";
import type { Note } from "../ports/store.ts";

type Body<K extends EventBody["kind"]> = Extract<EventBody, { kind: K }>;

/** What an operator can ask for, besides a deployment of new code. */
export type OperatorEvent = Body<
  | "pause.requested"
  | "unpause.requested"
  | "maintenance.requested"
  | "rollback.requested"
  | "restart.requested"
  | "scale.requested"
  | "abort.requested"
  | "queue.clear.requested"
  | "promote.requested"
  | "halt.requested"
  | "continue.requested"
  | "retry.requested"
  | "suspend.requested"
  | "resume.requested"
>;

/** What became of a request for a deployment. */
export interface DeployOutcome {
  /** Its name; of one that is queued: that of the one it waits for, or "" if it waits for none. */
  readonly deployment: string;
  /** The release that is in the queue. */
  readonly queued: ReleaseName | null;
}

/** The engine as the server sees it. Refusals are thrown as HitlessErrors before anything has changed. */
export interface EngineControl {
  apps(): readonly string[];
  /** The present state, or null for an unknown app. */
  state(app: string): AppState | null;
  /** Why the engine does not act for the app any more, or null: an error of ours, or another daemon that has taken over. */
  fault(app: string): Failure | null;
  /** Stages the release request, then begins a deployment of it, or puts it into the queue; creates the app if it is new. */
  deploy(event: Body<"deploy.requested">, request: ReleaseRequest): Promise<DeployOutcome>;
  /** Gives the name of the deployment that was begun (for `abort`: of the one that was told). */
  request(app: string, event: OperatorEvent): Promise<string>;
  /** Newest first; the running one included. */
  deployments(app: string, limit: number): Promise<readonly Deployment[]>;
  /** Notes of a deployment above `after`; waits up to `waitMs` for one (or for the deployment to end, or a fault) if there are none. */
  notes(app: string, deployment: string, after: number, waitMs: number): Promise<readonly (Note & { readonly seq: number })[]>;
}
