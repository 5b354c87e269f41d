import type { Command } from "commander";
import { setTimeout as sleep } from "node:timers/promises";
import type { AppStatus } from "../../api/daemon.ts";
import type { Register } from "../register.ts";
import { renderStatus } from "../render/status.ts";
import type { CommonOptions, Session } from "../session.ts";

const REFRESH_MS = 500;
const HOME_AND_CLEAR = "\u001b[H\u001b[J";

interface StatusOptions extends CommonOptions {
  readonly watch?: boolean;
}

export function registerStatus(program: Command, run: Register): void {
  run(
    program
      .command("status")
      .description("what runs, what it serves, and what a deployment is doing")
      .option("-w, --watch", "again and again, until Ctrl-C"),
    ["hitless status", "hitless status --watch", "hitless status --app shop --json"],
    (session, options: StatusOptions) => (options.watch === true ? watch(session) : once(session)),
  );
}

async function once(session: Session): Promise<void> {
  const apps = await statuses(session);
  if (session.wantsJson) session.output.json({ apps });
  else for (const line of render(session, apps)) session.output.line(line);
}

async function watch(session: Session): Promise<void> {
  const ending = new AbortController();
  const release = session.host.onInterrupt(() => {
    ending.abort();
  });
  while (!ending.signal.aborted) {
    const lines = render(session, await statuses(session));
    if (session.output.isTerminal) session.output.raw(`${HOME_AND_CLEAR}${lines.slice(0, session.output.rows - 1).join("\n")}\n`);
    else for (const line of lines) session.output.line(line);
    await sleep(REFRESH_MS, undefined, { signal: ending.signal }).catch(() => undefined);
  }
  release();
}

async function statuses({ client, options }: Session): Promise<readonly AppStatus[]> {
  return options.app === undefined ? client.apps() : [await client.app(options.app)];
}

function render(session: Session, apps: readonly AppStatus[]): readonly string[] {
  if (apps.length === 0) return ["The daemon knows no app yet; `hitless deploy` in an application's directory makes one."];
  const now = Date.now();
  return apps.flatMap((status, index) => [...(index === 0 ? [] : [""]), ...renderStatus(status, session.output, now)]);
}
