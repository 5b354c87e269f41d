import { HitlessError } from "../../base/error.ts";
import type { StepWork, WaitCondition } from "../../core/preparation/step-definition.ts";
import { asks } from "./database-steps.ts";
import { DONE, type StepEnd, type StepPorts, type StepRun } from "./step-run.ts";

const LOOK_MS = 200;
/** How much of an answer is shown. */
const EXCERPT = 300;

export async function runWait(ports: StepPorts, run: StepRun, until: WaitCondition): Promise<StepEnd> {
  const { clock } = ports;
  const everyMs = until.kind === "query" ? until.everyMs : LOOK_MS;
  while (!(await isMet(ports, run, until))) await clock.sleepUntil(clock.now() + everyMs, run.signal);
  return DONE;
}

function isMet(ports: StepPorts, run: StepRun, until: WaitCondition): boolean | Promise<boolean> {
  switch (until.kind) {
    case "time":
      return ports.clock.now() >= until.at;
    case "approval":
      return run.record().approvedBy !== null;
    case "query":
      return asks(ports, run, until.sql);
  }
}

/** One request; whether it came to its answer before a crash is known to nobody, so that it may come twice. */
export async function runHttp({ http }: StepPorts, run: StepRun, work: Extract<StepWork, { kind: "http" }>): Promise<StepEnd> {
  const { definition } = run.record();
  const { method, url, headers, body, timeoutMs, expect } = work;
  const key = { "idempotency-key": `${definition.name}-${definition.digest.slice(0, 12)}` };
  const answer = await http.send({ method, url, headers: { ...key, ...headers }, body, timeoutMs }, run.signal);
  const fits = expect.length === 0 ? answer.status >= 200 && answer.status < 300 : expect.includes(answer.status);
  if (fits) return DONE;
  throw new HitlessError({
    code: "ERR_STEP_FAILED",
    what: `${definition.name}: ${method} ${new URL(url).host} was answered with ${String(answer.status)}.`,
    why: answer.body.slice(0, EXCERPT),
    next: `\`hitless steps retry ${definition.name}\` asks again.`,
  });
}
