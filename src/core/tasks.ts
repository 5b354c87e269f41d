import { note, order, patch, patchDeployment, type Draft } from "./draft.ts";
import type { Deployment, TaskRecord } from "./state.ts";
import { taskName, type HookName, type Task, type TaskId } from "./task.ts";

/** Before the requests of a stage are shared out anew, or after that. */
export type TaskPlace = "before" | "after";

/** Begins what is due: hooks one after the other, then everything else at once. Safe to repeat: a task that has a record is not begun again. */
export function beginTasks(draft: Draft, deployment: Deployment, place: TaskPlace): void {
  for (const [id, task] of tasksOf(deployment, place)) {
    const record = recordOf(draft.state.deployment ?? deployment, id);
    if (record === undefined) begin(draft, id, task);
    if (task.kind === "hook" && record?.result === undefined) return;
  }
}

/** All of them have passed, or an operator has said that they need not. */
export function tasksDone(deployment: Deployment, place: TaskPlace): boolean {
  return tasksOf(deployment, place).every(([id]) => {
    const record = recordOf(deployment, id);
    return record?.result?.verdict === "pass" || record?.accepted === true;
  });
}

/** Verdicts that let nothing pass, and that nobody has overruled or asked for again. */
export function openVerdicts({ tasks = {} }: Deployment): readonly (readonly [TaskId, TaskRecord])[] {
  return Object.entries(tasks).filter(
    ([, record]) =>
      record.result !== undefined && !isPassed(record) && record.accepted !== true && record.retriedAs === undefined,
  );
}

/** Each of them is done once more, under an id of its own. */
export function retryTasks(draft: Draft, deployment: Deployment): void {
  for (const [id, record] of openVerdicts(deployment)) {
    const number = Object.keys(draft.state.deployment?.tasks ?? {}).length;
    const retriedAs = `${id.replace(/\/retry\/\d+$/, "")}/retry/${String(number)}`;
    patchRecord(draft, id, { ...record, retriedAs });
    begin(draft, retriedAs, record.task);
  }
}

/** The id under which the task was begun last. */
export function latestId(deployment: Deployment, id: TaskId): TaskId {
  const next = recordOf(deployment, id)?.retriedAs;
  return next === undefined ? id : latestId(deployment, next);
}

/** A hook beside the stages: once, whatever way the deployment ends. */
export function beginHook(draft: Draft, deployment: Deployment, hook: HookName): void {
  const spec = draft.state.releases[deployment.to ?? ""]?.spec ?? draft.state.releases[deployment.from ?? ""]?.spec;
  const task = deployment.kind === "deploy" ? spec?.tasks?.hooks?.[hook] : undefined;
  const id = `${deployment.name}/end/${hook}`;
  if (task !== undefined && recordOf(deployment, id) === undefined) begin(draft, id, task);
}

export function isTaskRunning({ tasks = {} }: Deployment): boolean {
  return Object.values(tasks).some(({ result }) => result === undefined);
}

/** What still runs is to end: nobody waits for its verdict any more. */
export function cancelTasks(draft: Draft, which: (record: TaskRecord) => boolean = () => true): void {
  for (const [id, record] of Object.entries(draft.state.deployment?.tasks ?? {})) {
    if (record.result !== undefined || !which(record)) continue;
    patchRecord(draft, id, {
      ...record,
      result: { verdict: "fail", summary: `${taskName(record.task)} was cancelled` },
      endedAt: draft.at,
    });
    order(draft, { kind: "task.cancel", task: id });
  }
}

/** An operator says that it goes on whatever they say; those that run are ended, but for the default gate, which nobody waits for. */
export function acceptTasks(draft: Draft): void {
  cancelTasks(draft, ({ task }) => task.kind !== "watch");
  const { tasks = {} } = draft.state.deployment ?? {};
  const accepted = Object.entries(tasks).map(
    ([id, record]) => [id, isPassed(record) || record.result === undefined ? record : { ...record, accepted: true }] as const,
  );
  patchDeployment(draft, { tasks: Object.fromEntries(accepted) });
}

/** Its record is made with the order. */
export function begin(draft: Draft, id: TaskId, task: Task): void {
  const { deployment } = draft.state;
  if (deployment === null) return;
  patchRecord(draft, id, { task, startedAt: draft.at, stage: deployment.stage });
  const { to: release, from: against, step } = deployment;
  const patienceMs = draft.state.releases[release ?? ""]?.spec.tasks?.patienceMs;
  const patience = patienceMs === undefined ? {} : { patienceMs };
  order(draft, { kind: "task.run", task: id, run: task, release, against, startedAt: draft.at, step, ...patience });
  if (task.kind !== "watch") note(draft, `${taskName(task)} begins`);
}

function tasksOf(deployment: Deployment, place: TaskPlace): readonly (readonly [TaskId, Task])[] {
  const { name, stages, stage, direction } = deployment;
  if (direction === "back") return [];
  const tasks = stages[stage]?.[place] ?? [];
  return tasks.map((task, index) => [latestId(deployment, `${name}/${String(stage)}/${place}/${String(index)}`), task]);
}

export function recordOf({ tasks }: Deployment, id: TaskId): TaskRecord | undefined {
  return tasks?.[id];
}

function isPassed({ result }: TaskRecord): boolean {
  return result?.verdict === "pass";
}

export function patchRecord(draft: Draft, id: TaskId, record: TaskRecord): void {
  const { deployment } = draft.state;
  if (deployment === null) return;
  patch(draft, { deployment: { ...deployment, tasks: { ...deployment.tasks, [id]: record } } });
}
