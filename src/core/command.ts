import type { DeploymentName, InstanceName, ReleaseName } from "../base/names.ts";
import type { HealthSpec } from "./app-spec.ts";
import type { FreezeWindow } from "./freeze.ts";
import type { RouteTable } from "./routes.ts";
import type { Notification, NotificationTarget } from "./notification.ts";
import type { Task, TaskId } from "./task.ts";

/**
 * What the core wants done. A command is journaled with the event that caused it (*intended*) and is *settled* by the event that carries
 * its `id`. Ids are deterministic, so that a command that is run again after a crash does nothing twice.
 */
export type Command = CommandBody & {
  readonly id: string;
  /** The deployment it belongs to; commands of a deployment that has ended are not run again. Null for supervision. */
  readonly deployment: DeploymentName | null;
};

export type CommandBody =
  /** Take the snapshot that was staged under this name and build it. Settled by `release.created`, `release.unchanged` or `release.failed`. */
  | { readonly kind: "release.create"; readonly release: ReleaseName; readonly unlessIdentity: string | null }
  /** Remove a release that never became active. Settled by `command.done`. */
  | { readonly kind: "release.discard"; readonly release: ReleaseName }
  /** Remove old releases beyond `keep`, never one of `inUse`. Settled by `release.pruned`. */
  | { readonly kind: "release.prune"; readonly keep: number; readonly inUse: readonly ReleaseName[] }
  /** Look whether one of the windows is open. Settled by `freeze.seen`. */
  | { readonly kind: "freeze.look"; readonly release: ReleaseName; readonly windows: readonly FreezeWindow[] }
  /** Settled by `instance.started` or `instance.startFailed`. */
  | { readonly kind: "instance.start"; readonly instance: InstanceName; readonly type: string; readonly release: ReleaseName }
  /** Settled by `instance.ready` or `instance.unready`; cancelled by `instance.stop` or the instance's exit. */
  | {
      readonly kind: "instance.awaitReady";
      readonly instance: InstanceName;
      readonly host: string;
      /** Where it is checked. */
      readonly port: number;
      /** Null: ready means still running `readyAfterMs` after the start. */
      readonly health: HealthSpec | null;
      readonly readyAfterMs: number;
      /** Milliseconds since the epoch; but never later than `afterMs` from when it is taken up (absent in older journals), as with timers. */
      readonly deadlineAt: number;
      readonly afterMs?: number | undefined;
    }
  /** Settled by `instance.stopped`. An instance that is gone already counts as stopped. */
  | {
      readonly kind: "instance.stop";
      readonly instance: InstanceName;
      readonly signal: NodeJS.Signals;
      readonly graceMs: number;
    }
  /** Settled by `traffic.applied`. */
  | { readonly kind: "traffic.apply"; readonly table: RouteTable }
  /** Settled by `traffic.removed`. */
  | { readonly kind: "traffic.remove"; readonly app: string; readonly epoch: number }
  /** Settled by `traffic.drained`. */
  | {
      readonly kind: "traffic.drain";
      readonly instances: readonly InstanceName[];
      readonly timeoutMs: number;
      /** Absent: as for requests. */
      readonly tunnelsMs?: number | undefined;
    }
  /** Settled by `traffic.quiet`. */
  | { readonly kind: "traffic.quiet"; readonly app: string }
  /** Settled by `ledger.opened`. */
  | { readonly kind: "ledger.open" }
  /** Settled by `ledger.closed`. The slowest requests are those since `since` (milliseconds since the epoch). */
  | { readonly kind: "ledger.close"; readonly since: number }
  /**
   * A task is begun, or taken up again after a crash: by its id it is done once. Settled by `task.ended`, also when it was cancelled.
   * `release` is the one it is about and whose directory and environment it has; `against` the stable one.
   */
  | {
      readonly kind: "task.run";
      readonly task: TaskId;
      readonly run: Task;
      readonly release: ReleaseName | null;
      readonly against: ReleaseName | null;
      /** Milliseconds since the epoch. */
      readonly startedAt: number;
      /** It may look so much longer for data, in milliseconds. Absent: not at all. */
      readonly patienceMs?: number | undefined;
      /** Where in the deployment, for the task's environment: `starting`, `batch 2 of 4` … */
      readonly step?: string | undefined;
    }
  /** The task is to judge what it has seen up to then (milliseconds since the epoch). Settled by `command.done`; the verdict is the task's own. */
  | { readonly kind: "task.conclude"; readonly task: TaskId; readonly at: number }
  /** Ends the task, whose `task.ended` then says so. Settled by `command.done`. */
  | { readonly kind: "task.cancel"; readonly task: TaskId }
  /** Settled by `command.done` when the receiver has taken it, or has not for a day. */
  | { readonly kind: "notify"; readonly target: NotificationTarget; readonly notification: Notification }
  /**
   * Settled by `timer.fired`. It fires at `at`, but never later than `afterMs` from when it is taken up (absent in older journals): a clock that
   * was set back makes nobody wait for as long as it was set.
   */
  | { readonly kind: "timer.set"; readonly timer: string; readonly at: number; readonly afterMs?: number | undefined };

export type CommandKind = CommandBody["kind"];

type ApplyCommand = Extract<Command, { kind: "traffic.apply" }>;

/**
 * A command as the journal keeps it. A route table is not kept: it may have ten thousand targets and pages of text, and after a crash the core
 * orders a new one from its state, under a new epoch. What stands for it is for people who read the journal (absent in older ones).
 */
export type IntendedCommand =
  | Exclude<Command, ApplyCommand>
  | (Omit<ApplyCommand, "table"> & { readonly epoch?: number | undefined; readonly revision?: number | undefined });

export function intended(command: Command): IntendedCommand {
  if (command.kind !== "traffic.apply") return command;
  const { table, ...rest } = command;
  return { ...rest, epoch: table.epoch, revision: table.revision };
}
