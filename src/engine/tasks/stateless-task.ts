import { resultOf } from "../../core/statelessness/outcome.ts";
import type { StatelessTask, TaskResult } from "../../core/task.ts";
import { mannerOf } from "../statelessness/manner.ts";
import { nodesOf } from "../statelessness/nodes.ts";
import { verifyStateless } from "../statelessness/verify.ts";
import type { TaskOrder, TaskPorts } from "./task-order.ts";

/** Walks over the instances of a release that nobody sees yet. They are not replaced meanwhile: the deployment counts on them. */
export async function runStatelessTask(ports: TaskPorts, order: TaskOrder, task: StatelessTask): Promise<TaskResult> {
  const { app, command, signal } = order;
  const release = command.release ?? "";
  const { spec } = await ports.releases.workplace(app, release);
  const nodes = await nodesOf(ports.traffic, app, release);
  const { requests, timeoutMs } = task;
  const walkPorts = { http: ports.http, clock: ports.clock, signal };
  const outcome = await verifyStateless(walkPorts, { requests, manner: mannerOf(spec), nodes, replace: null, timeoutMs });
  return resultOf(task.name, outcome);
}
