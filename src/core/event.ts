import type { Failure } from "../base/error.ts";
import type { DeploymentName, InstanceName, ReleaseName } from "../base/names.ts";
import type { AppSpec, Batch, BusyPolicy, Strategy } from "./app-spec.ts";
import type { Frozen } from "./freeze.ts";
import type { MaintenanceGate, PauseEnd } from "./gate.ts";
import type { LedgerRow, LedgerSnapshot } from "./ledger.ts";
import type { ReleaseRecord } from "./release.ts";
import type { TaskId, TaskResult } from "./task.ts";

/**
 * What happened. `at` is milliseconds since the epoch by the engine's clock; the core has no other time.
 * `settles` is the id of the command this is the result of, if any.
 */
export type Event = EventBody & { readonly at: number; readonly settles?: string };

/** Who asked, for the record: `alice@host`, or the name of a program. */
export type Operator = string;

export type MaintenanceWish = { readonly [K in keyof MaintenanceGate]?: MaintenanceGate[K] | undefined };

export type EventBody =
  | {
      readonly kind: "deploy.requested";
      readonly by: Operator;
      readonly spec: AppSpec;
      readonly strategy: Strategy | null;
      readonly batch: Batch | null;
      /** Deploy even when nothing has changed. */
      readonly force: boolean;
      /** While another one runs; absent: as the release says. */
      readonly whenBusy?: BusyPolicy | undefined;
      /** What keeps it from beginning now. Absent: nothing. */
      readonly frozen?: Frozen | undefined;
      /** Why it may begin all the same. */
      readonly override?: string | undefined;
    }
  /** Null release: the one that was active before. */
  | { readonly kind: "rollback.requested"; readonly by: Operator; readonly release: ReleaseName | null }
  | { readonly kind: "restart.requested"; readonly by: Operator }
  | { readonly kind: "scale.requested"; readonly by: Operator; readonly counts: Readonly<Record<string, number>> }
  | { readonly kind: "abort.requested"; readonly by: Operator }
  /** What is queued is taken back. */
  | { readonly kind: "queue.clear.requested"; readonly by: Operator }
  /** What the running deployment waits for need not be waited for any longer. */
  | { readonly kind: "promote.requested"; readonly by: Operator; readonly full?: boolean | undefined }
  /** The running deployment stays where it is, until `continue`. */
  | { readonly kind: "halt.requested"; readonly by: Operator }
  | { readonly kind: "continue.requested"; readonly by: Operator }
  /** What the running deployment could not pass is judged again; with none running, what went back is deployed again. */
  | {
      readonly kind: "retry.requested";
      readonly by: Operator;
      readonly frozen?: Frozen | undefined;
      readonly override?: string | undefined;
    }
  /** Drain and stop everything, keep the releases. Answered by the app having no instances. */
  | { readonly kind: "suspend.requested"; readonly by: Operator }
  /** Bring the active release back after `suspend`. */
  | { readonly kind: "resume.requested"; readonly by: Operator }
  /** Requests wait for at most `forMs`. */
  | { readonly kind: "pause.requested"; readonly by: Operator; readonly forMs: number; readonly then: PauseEnd }
  | { readonly kind: "unpause.requested"; readonly by: Operator }
  /** What is not given is the release's own; null turns it off. */
  | { readonly kind: "maintenance.requested"; readonly by: Operator; readonly page: MaintenanceWish | null }
  /** The first event of every daemon start: what is still running of what the journal knows. */
  | { readonly kind: "engine.recovered"; readonly epoch: number; readonly alive: readonly InstanceName[] }
  | { readonly kind: "release.created"; readonly record: ReleaseRecord }
  | { readonly kind: "release.unchanged"; readonly release: ReleaseName }
  | { readonly kind: "release.failed"; readonly release: ReleaseName; readonly failure: Failure }
  /** Whether what is queued under this name may begin; null: nothing is frozen. */
  | { readonly kind: "freeze.seen"; readonly release: ReleaseName; readonly frozen: Frozen | null }
  | { readonly kind: "release.pruned"; readonly releases: readonly ReleaseName[] }
  | {
      readonly kind: "instance.started";
      readonly instance: InstanceName;
      readonly pid: number;
      readonly host: string;
      readonly port: number;
      /** Absent: it is checked on `port`. */
      readonly healthPort?: number | undefined;
    }
  | { readonly kind: "instance.startFailed"; readonly instance: InstanceName; readonly failure: Failure }
  | { readonly kind: "instance.ready"; readonly instance: InstanceName }
  /** One that serves has failed its health checks for too long, or has passed them again for a while. */
  | { readonly kind: "instance.sick"; readonly instance: InstanceName; readonly saw: string }
  | { readonly kind: "instance.well"; readonly instance: InstanceName }
  | { readonly kind: "instance.unready"; readonly instance: InstanceName; readonly failure: Failure }
  | {
      readonly kind: "instance.exited";
      readonly instance: InstanceName;
      /** "exited with code 1", "was ended by SIGKILL", "is gone". */
      readonly how: string;
      readonly logTail: readonly string[];
    }
  | { readonly kind: "instance.stopped"; readonly instance: InstanceName; readonly how: "exited" | "killed" | "gone" }
  | { readonly kind: "traffic.applied"; readonly revision: number }
  /** The proxy will not have the table, e.g. because the listen address is taken. */
  | { readonly kind: "traffic.refused"; readonly revision: number; readonly failure: Failure }
  | { readonly kind: "traffic.removed" }
  /** True: every worker has acknowledged that nothing of a paused app is in flight. False: the pause had ended before. */
  | { readonly kind: "traffic.quiet"; readonly quiet: boolean }
  | { readonly kind: "traffic.drained"; readonly instances: readonly InstanceName[]; readonly cut: number }
  /** `before`: what was counted in the window before the deployment, of `beforeMs` milliseconds. */
  | {
      readonly kind: "ledger.opened";
      readonly snapshot: LedgerSnapshot | null;
      readonly before: readonly LedgerRow[];
      readonly beforeMs: number;
    }
  | { readonly kind: "ledger.closed"; readonly snapshot: LedgerSnapshot | null }
  | { readonly kind: "timer.fired"; readonly timer: string }
  | { readonly kind: "task.ended"; readonly task: TaskId; readonly result: TaskResult }
  /** What a build or a task printed, for the people who watch. */
  | { readonly kind: "output.written"; readonly lines: readonly string[] }
  /** A command that has no result of its own is done. */
  | { readonly kind: "command.done" };

export type { DeploymentName };
