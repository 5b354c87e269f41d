import { toFailure } from "../base/error.ts";
import type { Command } from "../core/command.ts";
import type { EventBody } from "../core/event.ts";
import { failedTask } from "./tasks/run-task.ts";

/** The event that says that a command did not work, where the core wants to know; otherwise it just counts as done. */
export function failed(command: Command, error: unknown): EventBody {
  switch (command.kind) {
    case "release.create":
      return {
        kind: "release.failed",
        release: command.release,
        failure: toFailure(error, "ERR_SNAPSHOT_FAILED", `${command.release} could not be prepared.`),
      };
    case "instance.start":
      return {
        kind: "instance.startFailed",
        instance: command.instance,
        failure: toFailure(error, "ERR_COMMAND_NOT_FOUND", `${command.instance} could not be started.`),
      };
    case "instance.awaitReady":
      return {
        kind: "instance.unready",
        instance: command.instance,
        failure: toFailure(error, "ERR_INSTANCE_UNREADY", `${command.instance} could not be checked.`),
      };
    case "instance.stop":
      return { kind: "instance.stopped", instance: command.instance, how: "gone" };
    case "traffic.drain":
      return { kind: "traffic.drained", instances: command.instances, cut: 0 };
    case "ledger.open":
      return { kind: "ledger.opened", snapshot: null, before: [], beforeMs: 0 };
    case "ledger.close":
      return { kind: "ledger.closed", snapshot: null };
    case "task.run":
      return { kind: "task.ended", task: command.task, result: failedTask(command.run, error) };
    case "release.discard":
    case "release.prune":
    case "freeze.look":
    case "task.cancel":
    case "task.conclude":
    case "notify":
    case "traffic.apply":
    case "traffic.remove":
    case "traffic.quiet":
    case "timer.set":
      return { kind: "command.done" };
  }
}
