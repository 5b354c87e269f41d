import { HitlessError } from "../../base/error.ts";
import { addReading, filled, judgeReadings, NO_READINGS, readAnswer, type Reading } from "../../core/judging/prometheus.ts";
import type { PrometheusTask, TaskResult } from "../../core/task.ts";
import { isFinal } from "./data-wait.ts";
import type { TaskOrder, TaskPorts } from "./task-order.ts";

/** Asks the server again and again until its time is over or the value was out of bounds often enough; at least once. */
export async function runPrometheusTask(ports: TaskPorts, order: TaskOrder, task: PrometheusTask): Promise<TaskResult> {
  const { clock } = ports;
  const end = order.command.startedAt + task.forMs;
  let readings = NO_READINGS;
  for (;;) {
    const reading = await read(ports, order, task);
    readings = addReading(readings, reading, task);
    const next = clock.now() + task.everyMs;
    const result = judgeReadings(readings, reading, task, next > end);
    if (isFinal(result, order, end, next)) return result;
    await clock.sleepUntil(next, order.signal);
  }
}

/** A server that does not answer is one without data. */
async function read(ports: TaskPorts, { app, command, signal }: TaskOrder, task: PrometheusTask): Promise<Reading> {
  const { release, against, deployment } = command;
  const about = { app, release: release ?? "", previous: against ?? "", deployment: deployment ?? "" };
  const query = new URLSearchParams({ query: filled(task.query, about) });
  const server = await addressOf(ports, app, release, task.url);
  if (server === null) return { none: `the release has no variable ${task.url.slice(REFERENCE.length)}` };
  const url = `${server.replace(/\/$/, "")}/api/v1/query?${query.toString()}`;
  try {
    const answer = await ports.http.send({ method: "GET", url, headers: {}, body: null, timeoutMs: task.timeoutMs }, signal);
    return readAnswer(answer.status, answer.body);
  } catch (error) {
    if (!(error instanceof HitlessError)) throw error;
    return { none: `${error.failure.what} ${error.failure.why ?? ""}`.trim() };
  }
}

const REFERENCE = "env:";

/** An address may be in the environment of the release, for it may hold a key. */
async function addressOf({ releases }: TaskPorts, app: string, release: string | null, url: string): Promise<string | null> {
  if (!url.startsWith(REFERENCE)) return url;
  const { env } = await releases.workplace(app, release ?? "");
  return env[url.slice(REFERENCE.length)] ?? null;
}
