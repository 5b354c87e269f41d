import { HitlessError } from "../../base/error.ts";
import { addMirrorFigures, judgeMirror, NO_MIRROR_FIGURES, type MirrorFigures } from "../../core/judging/mirror.ts";
import type { MirrorTask, TaskResult } from "../../core/task.ts";
import { isFinal } from "./data-wait.ts";
import type { TaskOrder, TaskPorts } from "./task-order.ts";

/** So often is what was seen looked at. */
const WINDOW_MS = 1_000;

/**
 * Mirrors window by window until there is a verdict. What was seen before a crash of ours is not kept: whoever takes the task up begins anew,
 * as a mirror harms nobody. While the proxy is away nothing is mirrored.
 */
export async function runMirrorTask(ports: TaskPorts, order: TaskOrder, task: MirrorTask): Promise<TaskResult> {
  const { clock } = ports;
  const { release, against } = order.command;
  if (release === null || against === null)
    return { verdict: "pass", summary: "there is no other release whose requests could be mirrored" };
  const end = clock.now() + task.forMs;
  let figures = NO_MIRROR_FIGURES;
  for (;;) {
    const from = clock.now();
    const forMs = Math.min(WINDOW_MS, Math.max(0, end + (order.command.patienceMs ?? 0) - from));
    figures = addMirrorFigures(figures, await mirrored(ports, order, { task, release, forMs }));
    await clock.sleepUntil(from + forMs, order.signal);
    const result = judgeMirror(figures, task, clock.now() >= end);
    if (isFinal(result, order, end, clock.now())) return result;
  }
}

async function mirrored(
  { traffic }: TaskPorts,
  { app, signal }: TaskOrder,
  { task, release, forMs }: { task: MirrorTask; release: string; forMs: number },
): Promise<MirrorFigures> {
  const { percent, compareBody } = task;
  try {
    return await traffic.mirror(app, { release, percent, compareBody, forMs }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HitlessError && error.code === "ERR_PROXY_UNREACHABLE") return NO_MIRROR_FIGURES;
    throw error;
  }
}
