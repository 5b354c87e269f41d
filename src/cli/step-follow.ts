import { setTimeout as sleep } from "node:timers/promises";
import { HitlessError } from "../base/error.ts";
import type { StepStatus } from "../api/steps.ts";
import { renderSteps, stepText } from "./render/steps.ts";
import type { Session } from "./session.ts";

const LIVE_MS = 250;
const PLAIN_MS = 500;
/** How often a step that only goes on is told of where lines cannot be written over. */
const PLAIN_EVERY_MS = 10_000;
/** A daemon that is started again is waited for. */
const AWAY_LIMIT_MS = 60_000;

const OVER: readonly StepStatus["state"][] = ["done", "cancelled"];
const STUCK: readonly StepStatus["state"][] = ["failed", "incomplete", "cancelled", "paused"];

interface PreparedHere {
  readonly app: string;
  readonly steps: readonly StepStatus[];
  /** Whether the source has a file for it. */
  readonly isOurs: (step: StepStatus) => boolean;
}

/** Knows the steps of the configuration here, and begins them. What else is still at work is told, and nobody waits for it. */
export async function prepareHere(session: Session): Promise<PreparedHere> {
  const { spec, source, ignore, build, env } = await session.config();
  await session.host.ensureDaemon(session.stateDirectory, null);
  const steps = await session.client.prepare({
    spec,
    source,
    ignore: [...ignore],
    build,
    env: Object.fromEntries(Object.entries(env).map(([type, variables]) => [type, { ...variables }])),
  });
  const others = new Set(steps.filter(({ wanted }) => wanted === false).map(({ name }) => name));
  for (const { name, state } of steps)
    if (others.has(name) && !OVER.includes(state))
      session.output.note(
        `${name} is still ${state}, though there is no such step any more; \`hitless steps cancel ${name}\` ends it.`,
      );
  return { app: spec.app, steps, isOurs: ({ name }) => !others.has(name) };
}

/** Before a deployment: what it requires is brought to its end. `now`: whatever the windows are. @throws ERR_STEPS_UNFINISHED */
export async function finishSteps(session: Session, { now }: { readonly now: boolean }): Promise<void> {
  const { app, steps, isOurs } = await prepareHere(session);
  const required = steps.filter((step) => step.required && isOurs(step) && !OVER.includes(step.state));
  if (now) for (const { name } of required) await session.client.tellStep(app, name, "run", null);
  await followSteps(session, app, (step) => step.required && isOurs(step));
}

/** Shows the steps until all that are wanted have come to an end. @throws ERR_STEPS_UNFINISHED when one of them cannot go on */
export async function followSteps(session: Session, app: string, wanted: (step: StepStatus) => boolean): Promise<void> {
  const view = session.output.isTerminal && !session.wantsJson ? new LiveView(session) : new PlainView(session);
  for (;;) {
    const steps = (await nextSteps(session, app)).filter((step) => step.wanted !== false && wanted(step));
    view.show(steps);
    const open = steps.filter(({ state }) => !OVER.includes(state) && !STUCK.includes(state));
    const stuck = steps.filter(({ state }) => STUCK.includes(state));
    if (open.length === 0 || stuck.some(({ state }) => state === "failed")) {
      if (stuck.length > 0) throw unable(stuck, open.length > 0);
      return;
    }
    await sleep(session.output.isTerminal ? LIVE_MS : PLAIN_MS);
  }
}

async function nextSteps(session: Session, app: string): Promise<readonly StepStatus[]> {
  const until = Date.now() + AWAY_LIMIT_MS;
  for (;;) {
    try {
      return await session.client.steps(app);
    } catch (error) {
      const away = error instanceof HitlessError && error.code === "ERR_DAEMON_UNREACHABLE";
      if (!away || Date.now() > until) throw error;
      await sleep(PLAIN_MS);
    }
  }
}

function unable(steps: readonly StepStatus[], othersGoOn: boolean): HitlessError {
  return new HitlessError({
    code: "ERR_STEPS_UNFINISHED",
    what: `${steps.map(({ name, state }) => `${name} is ${state}`).join(", ")}.`,
    next: `\`hitless steps\` shows why; \`hitless steps retry NAME\` tries again from where it was.${othersGoOn ? " The other steps go on meanwhile." : ""}`,
    details: steps.flatMap(({ name, failure, reason }) => [
      ...(failure === null
        ? reason === null
          ? []
          : [`${name}: ${reason}`]
        : [`${name}: ${failure.what} ${failure.why ?? ""}`.trimEnd()]),
      ...(failure?.details ?? []),
    ]),
  });
}

/** Written over again and again. */
class LiveView {
  readonly #session: Session;
  #lines = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  show(steps: readonly StepStatus[]): void {
    const { output } = this.#session;
    const lines = renderSteps(steps, output).map((line) => line.slice(0, output.columns + 40));
    if (this.#lines > 0) output.raw(`\u001B[${String(this.#lines)}A\u001B[J`);
    for (const line of lines) output.line(line);
    this.#lines = lines.length;
  }
}

/** A line when something has changed, and now and then. */
class PlainView {
  readonly #session: Session;
  readonly #told = new Map<string, { readonly what: string; readonly at: number }>();

  constructor(session: Session) {
    this.#session = session;
  }

  show(steps: readonly StepStatus[]): void {
    const { output, wantsJson } = this.#session;
    for (const step of steps) {
      const what = `${step.state} ${step.reason ?? ""}`;
      const told = this.#told.get(step.name);
      if (told?.what === what && (step.state !== "running" || Date.now() - told.at < PLAIN_EVERY_MS)) continue;
      this.#told.set(step.name, { what, at: Date.now() });
      const line = `${step.name}: ${[step.state, stepText(step)].filter((part) => part !== "").join("  ")}`;
      if (wantsJson) output.note(line);
      else output.line(line);
    }
  }
}
