import type { Failure } from "../base/error.ts";
import type { DeploymentName, InstanceName, ReleaseName } from "../base/names.ts";
import type { Batch, Strategy } from "./app-spec.ts";
import type { DeployOrder, QueuedDeployment } from "./deploy-order.ts";
import type { GateState } from "./gate.ts";
import type { LedgerRow, LedgerSnapshot } from "./ledger.ts";
import type { NotificationSpec } from "./notification.ts";
import type { Task, TaskId, TaskResult } from "./task.ts";
import type { ReleaseRecord } from "./release.ts";

/** All that the engine knows of one app: a fold of its journal. Plain data, so that it can be stored and compared. */
export interface AppState {
  readonly app: string;
  readonly epoch: number;
  readonly active: ReleaseName | null;
  /** Releases that were active, oldest first, the active one last. */
  readonly promoted: readonly ReleaseName[];
  /** When releases were last replaced by another one, in milliseconds since the epoch. Absent: it was not recorded. */
  readonly replaced?: Readonly<Record<ReleaseName, number>> | undefined;
  readonly releases: Readonly<Record<ReleaseName, ReleaseRecord>>;
  /** Instances per process type as set by `scale`; otherwise the release's own count. */
  readonly counts: Readonly<Record<string, number>>;
  readonly instances: InstanceBook;
  readonly routes: RoutesState;
  /** The running deployment, or the last one (its `outcome` is set then). */
  readonly deployment: Deployment | null;
  /** The number that instances of the stable side carry; a deployment that replaces instances brings a new one. */
  readonly generation: number;
  /** By process type. */
  readonly crashes: Readonly<Record<string, CrashRecord>>;
  /** Stopped on purpose (`hitless down`): nothing is restarted until `resume`. */
  readonly suspended: boolean;
  /** Absent: nothing has ever stood before the app. */
  readonly gate?: GateState | undefined;
  /** The release that was active before, kept running for going back at once. Absent: there is none. */
  readonly standby?: Standby | undefined;
  /** Instances that go beside any deployment, in the order in which they were let go. Absent: none. */
  readonly departures?: readonly Departure[] | undefined;
  /** The next deployment of new code. Absent: none is queued. */
  readonly queued?: QueuedDeployment | undefined;
  /** The deployment of new code that went back last, whose release is kept for trying it again. Absent: there is none. */
  readonly returned?: DeployOrder | undefined;
  readonly next: { readonly release: number; readonly deployment: number; readonly instance: number; readonly command: number };
}

export const INSTANCE_STATUSES = [
  /** Its process is being started. */
  "starting",
  /** It runs; its readiness is being awaited. */
  "warming",
  /** Ready; in the route table if it has traffic. */
  "serving",
  /** Gets nothing new, finishes what is in flight. */
  "draining",
  /** Every worker of the proxy has acknowledged that nothing to it is in flight. */
  "drained",
  /** Was sent its stop signal. */
  "stopping",
] as const;
export type InstanceStatus = (typeof INSTANCE_STATUSES)[number];

export interface Instance {
  readonly name: InstanceName;
  readonly type: string;
  readonly release: ReleaseName;
  /** Tells old from new where both run the same release (`restart`). */
  readonly generation: number;
  readonly status: InstanceStatus;
  /** In the route table that the core wants; only ever true while `serving`. */
  readonly routed: boolean;
  readonly host: string | null;
  readonly port: number | null;
  /** Absent: it is checked on `port`. */
  readonly healthPort?: number | undefined;
  readonly pid: number | null;
  /** When its start was ordered, milliseconds since the epoch. */
  readonly since: number;
  /** Absent: as far as is known it is well. */
  readonly sick?: Sickness | undefined;
  /** The sick instance in whose place it was started, until it serves. */
  readonly replaces?: InstanceName | undefined;
}

/**
 * The instances of an app, by shelf and name. A shelf holds those whose numbers lie next to each other, so that a change copies one shelf and the
 * list of shelves: with ten thousand instances some hundred entries instead of all of them. Plain data: it is stored as it is.
 */
export type InstanceBook = Readonly<Record<string, Readonly<Record<InstanceName, Instance>>>>;

/** Instances of an earlier release that still run, are checked, and get no requests. Who of them dies is not replaced. */
export interface Standby {
  readonly release: ReleaseName;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** Instances on their way out: taken out of the table first, drained when every worker has that table, stopped when they are drained. */
export interface Departure {
  readonly instances: readonly InstanceName[];
  /** The first table without them. */
  readonly revision: number;
  /** Their drain was ordered. */
  readonly asked: boolean;
}

/** A serving instance that has failed its health checks for too long. */
export interface Sickness {
  /** When that was said, milliseconds since the epoch. */
  readonly since: number;
  /** What the last check saw. */
  readonly saw: string;
}

export interface RoutesState {
  /** The last table that was ordered. */
  readonly revision: number;
  /** The last table that every worker acknowledged. */
  readonly appliedRevision: number;
  /** Instances in the last ordered table, to see whether a new one is due. */
  readonly routed: readonly InstanceName[];
  /** The weights of the pools in the last ordered table, as text; absent in what was written before pools had weights of their own. */
  readonly weights?: string | undefined;
  /** Whose assets it names, as text. Absent: nobody's. */
  readonly assets?: string | undefined;
  /** Whose listen address and proxy settings the table carries. */
  readonly specRelease: ReleaseName | null;
  /** False until the first table and after the app was taken out of the proxy. */
  readonly installed: boolean;
}

export interface CrashRecord {
  /** Exits in a row, each soon after the start. */
  readonly count: number;
  /** When the last one was. */
  readonly at: number;
  readonly how: string;
  /** When the next start is due, or null if none is waited for. */
  readonly restartAt: number | null;
}

export type DeploymentKind = "deploy" | "rollback" | "restart" | "scale" | "suspend" | "resume";

/** Where a deployment stands within its current stage. */
export const STEPS = [
  "preparing",
  "starting",
  "warming",
  "checking",
  "adding",
  "baking",
  "waiting",
  "removing",
  "draining",
  "stopping",
  "closing",
] as const;
export type Step = (typeof STEPS)[number];

/** The phases of a deployment as people see them (design, section 5). */
export const PHASES = [
  "planned",
  "starting",
  "warming",
  "checking",
  "shifting",
  "baking",
  "waiting",
  "paused",
  "draining",
  "promoting",
  "aborting",
  "done",
  "unchanged",
  "rolled-back",
  "failed",
] as const;
export type Phase = (typeof PHASES)[number];

export interface Deployment {
  readonly name: DeploymentName;
  readonly kind: DeploymentKind;
  readonly by: string;
  readonly startedAt: number;
  /** Why it could begin although deployments were frozen, or would have been. Absent: nobody said so. */
  readonly override?: string | undefined;
  /** When it was put into the queue. Absent: it was never in it. */
  readonly queuedAt?: number | undefined;
  readonly from: ReleaseName | null;
  readonly to: ReleaseName | null;
  /** The generation of the instances it starts; that of the app where nothing is replaced (`scale`). */
  readonly generation: number;
  /** The generation it found. */
  readonly fromGeneration: number;
  /** Process counts that `scale` asks for, taken over when it is done. */
  readonly counts: Readonly<Record<string, number>> | null;
  /** The batch asked for on the command line, or null for the release's own. */
  readonly batch: Batch | null;
  /** The strategy asked for on the command line, or null for the release's own. Absent in older records. */
  readonly strategy?: Strategy | null | undefined;
  /** Percent of the requests that the new side gets, whatever its size. Absent: by the number of instances. */
  readonly share?: number | undefined;
  /** How long the old side is kept after the promotion, in milliseconds. Absent: it has gone by then. */
  readonly standbyMs?: number | undefined;
  /** It stays where it is until an operator lets it go on. Absent: it goes. */
  readonly halted?: { readonly by: string; readonly since: number } | undefined;
  /** It goes all the way without waiting. */
  readonly full?: true | undefined;
  /** Who is told of it. Absent: nobody. */
  readonly notifications?: readonly NotificationSpec[] | undefined;
  /** What was done and judged, by its id. Absent: nothing. */
  readonly tasks?: Readonly<Record<TaskId, TaskRecord>> | undefined;
  /** The last stage whose wait an operator or the time has ended. */
  readonly waited?: number | undefined;
  /** Forward to `to`, or back to `from` after a failure or an abort. */
  readonly direction: "forward" | "back";
  readonly stages: readonly Stage[];
  /** Index of the current stage. */
  readonly stage: number;
  readonly step: Step;
  /** When the current step began. */
  readonly stepSince: number;
  /** The instances that the current stage starts and retires; chosen when the stage begins. */
  readonly starting: readonly InstanceName[];
  readonly retiring: readonly InstanceName[];
  /** Stage work that waits for this table to be acknowledged. */
  readonly awaitedRevision: number;
  readonly force: boolean;
  /** Why it goes or went back. */
  readonly failure: Failure | null;
  /** How often going back was begun. */
  readonly backAttempts: number;
  readonly ledger: {
    readonly opened: LedgerSnapshot | null;
    readonly openedSettled: boolean;
    readonly before: readonly LedgerRow[];
    readonly beforeMs: number;
    readonly closed: LedgerSnapshot | null;
    /** Its last figures have come. Absent: not yet. */
    readonly closedSettled?: boolean | undefined;
  };
  /** The fewest instances with traffic that the route table held at any time, against how many it held at the start. */
  readonly capacity: { readonly atStart: number; readonly lowest: number };
  /** Requests cut at the drain limit, as the drains reported them. */
  readonly cut: number;
  /** Set when it has ended. */
  readonly outcome: Outcome | null;
  readonly endedAt: number | null;
}

export type Outcome =
  /** All of the new release, none of the old one. */
  | "done"
  /** Nothing to do: the tree is that of the active release. */
  | "unchanged"
  /** All of the old release again (or nothing changed at all); `failure` says why. */
  | "rolled-back"
  /** Going back failed too; `failure` says why. What serves was left alone. */
  | "failed";

/** One batch: what is started, how requests are shared out then, and what is retired once that serves. */
export interface Stage {
  readonly release: ReleaseName | null;
  readonly generation: number;
  /** How many instances to start, per process type. */
  readonly start: Readonly<Record<string, number>>;
  /**
   * Percent of the requests that the new side gets when these serve: 0 is a preview, 100 the cutover. Absent: as before, or by the number of
   * instances.
   */
  readonly share?: number | undefined;
  /** What must pass before that, and then. */
  readonly before?: readonly Task[] | undefined;
  readonly after?: readonly Task[] | undefined;
  /** What is waited for then, before anything is retired. */
  readonly wait?: Wait | undefined;
  readonly retire: readonly Retirement[];
}

export interface TaskRecord {
  readonly task: Task;
  readonly startedAt: number;
  /** The index of the stage in which it began. Absent in older records. */
  readonly stage?: number | undefined;
  /** Absent: it runs. */
  readonly result?: TaskResult | undefined;
  readonly endedAt?: number | undefined;
  /** When it was told to come to its verdict; only for what lasts until then. */
  readonly concludedAt?: number | undefined;
  /** It need not have passed: an operator or the configuration says so. */
  readonly accepted?: boolean | undefined;
  /** It was asked for again, under this id, and what that says counts. */
  readonly retriedAs?: TaskId | undefined;
}

export interface Wait {
  /** It goes on by itself after this; null: when an operator says so. */
  readonly ms: number | null;
  /** The new release has all that it will get, and is watched before it is promoted. */
  readonly bake?: true | undefined;
}

export interface Retirement {
  /** A process type, or `*` for all of them. */
  readonly type: string;
  /** How many are left. Not how many go: what ended by itself meanwhile must not be missing twice. */
  readonly keep: number;
  /** `others`: of any generation but the stage's and that on standby; `same`: of the stage's own; `standby`: that on standby. */
  readonly side: "others" | "same" | "standby";
}
