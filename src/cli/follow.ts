import type { DeploymentProgress, DeploymentStatus } from "../api/daemon.ts";
import { HitlessError } from "../base/error.ts";
import { patiently } from "./patience.ts";
import type { Session } from "./session.ts";
import { lostLine } from "./render/report.ts";
import { previewText } from "./render/rollout.ts";
import { clock } from "./render/units.ts";

const WAIT_MS = 10_000;
const MARKS = { info: "·", good: "✔", bad: "✖" } as const;
const STYLES = { info: "dim", good: "green", bad: "red" } as const;

/**
 * Prints what a deployment does until it has ended. Ctrl-C once asks it to go back, twice leaves it alone.
 * Throws the failure of a deployment that did not reach its end.
 */
export async function follow(session: Session, app: string, name: string): Promise<DeploymentStatus> {
  const interrupts = new Interrupts(session, app, name);
  try {
    const deployment = await untilEnded(session, app, name, interrupts);
    if (deployment === null) return await detached(session, app, name);
    await conclude(session, app, deployment);
    return deployment;
  } finally {
    interrupts.end();
  }
}

/** Null when the person does not want to wait any longer. */
async function untilEnded(session: Session, app: string, name: string, interrupts: Interrupts): Promise<DeploymentStatus | null> {
  let shownFor: number | null = null;
  const next = (after: number): Promise<DeploymentProgress> =>
    patiently(session, () => session.client.progress(app, name, after, WAIT_MS));
  for (let after = 0; ;) {
    const progress = await Promise.race([next(after), interrupts.detached]);
    if (progress === null) return null;
    for (const note of progress.notes) printNote(session, note);
    if (progress.deployment.awaits !== null && progress.deployment.awaits.since !== shownFor) {
      shownFor = progress.deployment.awaits.since;
      await printPreview(session, app);
    }
    after = progress.seq;
    if (progress.deployment.outcome !== null && progress.notes.length === 0) return progress.deployment;
  }
}

function printNote({ output, wantsJson }: Session, { at, level, text }: DeploymentProgress["notes"][number]): void {
  const line = `${output.style("dim", clock(at))}  ${output.style(STYLES[level], MARKS[level])} ${text}`;
  if (wantsJson) output.note(line);
  else output.line(line);
}

/** Who is to decide wants to see it first. */
async function printPreview({ client, output, wantsJson }: Session, app: string): Promise<void> {
  const { preview, url } = await client.app(app);
  if (preview === null) return;
  for (const line of previewText(preview, url)) {
    if (wantsJson) output.note(line);
    else output.line(`          ${line}`);
  }
}

async function conclude(session: Session, app: string, deployment: DeploymentStatus): Promise<void> {
  const { output, client, wantsJson } = session;
  const report = deployment.outcome === "unchanged" ? null : await client.report(app, deployment.name);
  if (wantsJson) output.json({ deployment, report });
  else if (report !== null && report.total > 0) {
    output.line(`${lostLine(report, output)}  ${output.style("dim", `hitless report ${deployment.name}`)}`);
  }
  if (deployment.failure !== null && deployment.outcome !== "done") throw new HitlessError(deployment.failure);
}

async function detached({ output, client }: Session, app: string, name: string): Promise<DeploymentStatus> {
  output.note(
    `${name} goes on without you. Look again with \`hitless status --watch\`, and at the end with \`hitless report ${name}\`.`,
  );
  const { deployment } = await client.progress(app, name, 0, 0);
  throw new HitlessError({ code: "ERR_ABORTED", what: `Stopped watching ${name} in phase ${deployment.phase}.` });
}

/** What Ctrl-C means while a deployment is watched. */
class Interrupts {
  readonly detached: Promise<null>;
  readonly end: () => void;
  #count = 0;

  constructor(session: Session, app: string, name: string) {
    const { promise, resolve } = Promise.withResolvers<null>();
    this.detached = promise;
    this.end = session.host.onInterrupt(() => {
      this.#count += 1;
      if (this.#count > 1) {
        resolve(null);
        return;
      }
      session.output.note(`asking ${name} to go back; Ctrl-C again to stop watching`);
      session.client.request(app, "abort").catch((error: unknown) => {
        session.output.note(error instanceof HitlessError ? error.failure.what : String(error));
      });
    });
  }
}
