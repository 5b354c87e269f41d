import { secretsOf } from "../../base/redact.ts";
import { previewTarget, previewVariables } from "../../core/preview-request.ts";
import { taskName, type Task, type TaskResult } from "../../core/task.ts";
import type { JobEnd } from "../../ports/jobs.ts";
import type { Workplace } from "../../ports/releases.ts";
import type { ShowLines, TaskOrder, TaskPorts } from "./task-order.ts";

type JobTask = Extract<Task, { kind: "hook" | "command" }>;

/** "Try again later" in sysexits.h: how a command says that it cannot tell yet. */
const EX_TEMPFAIL = 75;

/** Runs a command in the release's directory, with its environment and with what it is about. */
export async function runJobTask(ports: TaskPorts, order: TaskOrder, task: JobTask, show: ShowLines): Promise<TaskResult> {
  const { app, command, signal } = order;
  const { directory, env, spec, previewKey } = await workplaceOf(ports, order, task);
  const preview = previewVariables(previewTarget(spec, previewKey ?? command.release ?? ""));
  const end = await ports.jobs.run(
    {
      app,
      job: command.task,
      launch: { directory, command: task.command, env: { ...env, ...preview, ...environmentOf(order) } },
      timeoutMs: task.timeoutMs,
      secrets: secretsOf(env),
    },
    { onOutput: show, signal },
  );
  return resultOf(task, end);
}

/** What failed may have no directory: then the stable release's own. */
async function workplaceOf({ releases }: TaskPorts, { app, command }: TaskOrder, task: JobTask): Promise<Workplace> {
  const { release, against } = command;
  if (task.kind !== "hook" || task.hook !== "on-failure" || against === null) return releases.workplace(app, release ?? "");
  return releases.workplace(app, release ?? against).catch(() => releases.workplace(app, against));
}

function environmentOf({ app, command }: TaskOrder): Record<string, string> {
  const { deployment, release, against, run, step } = command;
  return {
    HITLESS_APP: app,
    HITLESS_DEPLOYMENT: deployment ?? "",
    HITLESS_RELEASE: release ?? "",
    HITLESS_PREVIOUS_RELEASE: against ?? "",
    HITLESS_STEP: step ?? "",
    ...(run.kind === "hook" ? { HITLESS_HOOK: run.hook } : {}),
    ...(run.kind === "command" ? { HITLESS_CHECK: run.name } : {}),
  };
}

function resultOf(task: JobTask, { how, tail }: JobEnd): TaskResult {
  const name = taskName(task);
  const details = tail.length === 0 ? {} : { details: tail };
  if (how.kind === "exited" && how.code === 0) return { verdict: "pass", summary: `${name} passed` };
  if (how.kind === "exited" && how.code === EX_TEMPFAIL && task.kind === "command")
    return { verdict: "not-enough-data", summary: `${name} says that there is not enough data (exit code 75)`, ...details };
  return { verdict: "fail", summary: `${name} ${howText(how, task.timeoutMs)}`, ...details };
}

function howText(how: JobEnd["how"], timeoutMs: number): string {
  switch (how.kind) {
    case "exited":
      return `exited with code ${String(how.code)}`;
    case "timeout":
      return `did not end within ${String(timeoutMs / 1_000)} s and was ended`;
    case "cancelled":
      return "was cancelled";
    case "lost":
      return "was interrupted by something else; it may have done its work and is not repeated";
  }
}
