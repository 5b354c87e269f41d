import { HitlessError } from "../../base/error.ts";
import { brokenExpectations, captured, filledRequest, type Variables } from "../../core/journey.ts";
import { previewTarget, type PreviewTarget } from "../../core/preview-request.ts";
import type { JourneyRequest, JourneyTask, TaskResult } from "../../core/task.ts";
import type { HttpAnswer } from "../../ports/http.ts";
import { CookieJar } from "./cookie-jar.ts";
import type { TaskOrder, TaskPorts } from "./task-order.ts";

interface Walk {
  readonly target: PreviewTarget;
  readonly jar: CookieJar;
  readonly until: number;
}

/**
 * Walks a journey through the preview route, up to the first request whose answer is not as expected. Taken up after a crash it begins anew:
 * its requests may reach the new release twice.
 */
export async function runJourneyTask(ports: TaskPorts, order: TaskOrder, task: JourneyTask): Promise<TaskResult> {
  const { app, command } = order;
  const { spec, previewKey } = await ports.releases.workplace(app, command.release ?? "");
  const target = previewTarget(spec, previewKey ?? command.release ?? "");
  const walk = { target, jar: new CookieJar(target.cookies), until: ports.clock.now() + task.timeoutMs };
  const details: string[] = [];
  let variables: Variables = {};
  for (const [index, request] of task.requests.entries()) {
    const filled = filledRequest(request, variables);
    const { broken, line, found } = await step(ports, order, filled, walk);
    details.push(line, ...broken.map((text) => `  ${text}`));
    variables = { ...variables, ...found };
    if (broken.length === 0) continue;
    const where = `request ${String(index + 1)} of ${String(task.requests.length)} (${request.method} ${request.path})`;
    return { verdict: "fail", summary: `journey ${task.name} failed at ${where}: ${broken.join("; ")}`, details };
  }
  return { verdict: "pass", summary: `journey ${task.name} passed (${String(task.requests.length)} requests)`, details };
}

interface Step {
  readonly broken: readonly string[];
  readonly line: string;
  readonly found: Variables;
}

async function step(ports: TaskPorts, order: TaskOrder, request: JourneyRequest, walk: Walk): Promise<Step> {
  const line = `${request.method} ${request.path}`;
  try {
    const answer = await sent(ports, order, request, walk);
    walk.jar.keep(answer.headers["set-cookie"] ?? []);
    const { variables, missing } = captured(request.capture, answer);
    const told = `${line}: ${String(answer.status)} in ${answer.ms.toFixed(0)} ms`;
    return { broken: [...brokenExpectations(request.expect, answer), ...missing], line: told, found: variables };
  } catch (error) {
    if (!(error instanceof HitlessError)) throw error;
    return { broken: [error.failure.why ?? error.failure.what], line: `${line}: no answer`, found: {} };
  }
}

function sent(
  ports: TaskPorts,
  { signal }: TaskOrder,
  request: JourneyRequest,
  { target, jar, until }: Walk,
): Promise<HttpAnswer> {
  const { authority, secure, host, port, headers } = target;
  const timeoutMs = Math.max(1, until - ports.clock.now());
  return ports.http.send(
    {
      method: request.method,
      url: `${secure ? "https" : "http"}://${authority}${request.path}`,
      via: { host, port },
      headers: { ...jar.header(), ...lowerNames(request.headers), ...headers },
      body: request.body,
      timeoutMs,
    },
    signal,
  );
}

function lowerNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
