import type { Command } from "commander";
import { setTimeout as sleep } from "node:timers/promises";
import { HitlessError } from "../../base/error.ts";
import type { Register } from "../register.ts";
import type { CommonOptions, Session } from "../session.ts";

const POLL_MS = 300;
/** Of one instance, before it is the next one's turn. */
const PIECES_MAX = 100;

interface LogsOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly lines: string;
}

export function registerLogs(program: Command, run: Register): void {
  run(
    program
      .command("logs")
      .argument("[instance]", "default: every instance that runs")
      .description("what instances have printed")
      .option("-f, --follow", "and go on with what they print")
      .option("-n, --lines <n>", "lines of the past", "50"),
    ["hitless logs", "hitless logs web.r42.3 -f", "hitless logs -n 500"],
    (session, options: LogsOptions, instance?: string) => logs(session, options, instance ?? null),
  );
}

async function logs(session: Session, options: LogsOptions, instance: string | null): Promise<void> {
  const lines = Number(options.lines);
  if (!Number.isInteger(lines) || lines < 0)
    throw new HitlessError({ code: "ERR_USAGE", what: `--lines ${options.lines} is not a number.` });
  const app = await session.app();
  const shown = new Map<string, { offset: number; rest: string }>();
  const follow = new AbortController();
  const release = session.host.onInterrupt(() => {
    follow.abort();
  });
  do {
    const names = instance === null ? (await session.client.app(app)).instances.map((known) => known.name) : [instance];
    for (const name of names) await show(session, app, name, { lines, shown, prefix: instance === null });
    if (options.follow === true) await sleep(POLL_MS, undefined, { signal: follow.signal }).catch(() => undefined);
  } while (options.follow === true && !follow.signal.aborted);
  release();
}

interface Showing {
  readonly lines: number;
  readonly shown: Map<string, { offset: number; rest: string }>;
  /** Whether lines say whose they are. */
  readonly prefix: boolean;
}

async function show({ client, output }: Session, app: string, name: string, { lines, shown, prefix }: Showing): Promise<void> {
  const known = shown.get(name);
  try {
    let { text, offset } = await client.logs(app, name, known === undefined ? { lines } : { offset: known.offset });
    let rest = known?.rest ?? "";
    // One that writes faster than a piece at a time would be shown later and later.
    for (let pieces = 1; text !== ""; pieces += 1) {
      const complete = (rest + text).split("\n");
      rest = complete.pop() ?? "";
      for (const line of complete) output.line(prefix ? `${output.style("dim", name)}  ${line}` : line);
      if (pieces === PIECES_MAX) break;
      ({ text, offset } = await client.logs(app, name, { offset }));
    }
    shown.set(name, { offset, rest });
  } catch (error) {
    // One that has just been started may not have a log yet.
    if (prefix && error instanceof HitlessError && error.code === "ERR_INSTANCE_UNKNOWN") return;
    throw error;
  }
}
