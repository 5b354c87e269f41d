import type { Command } from "commander";
import { HitlessError } from "../../base/error.ts";
import { follow } from "../follow.ts";
import type { DaemonInfo } from "../../api/daemon.ts";
import { isAlive } from "../../platform/process-id.ts";
import type { Register } from "../register.ts";
import { upgradeText } from "../render/proxy.ts";
import type { CommonOptions, Session } from "../session.ts";

interface UpOptions extends CommonOptions {
  readonly foreground?: boolean;
  readonly workers?: string;
  readonly lease?: string;
}

interface DownOptions extends CommonOptions {
  readonly keepInstances?: boolean;
}

const END_LIMIT_MS = 10_000;

/** Starting and ending the control plane. */
export function registerDaemon(program: Command, run: Register): void {
  run(
    program
      .command("up")
      .description("start the daemon if none runs, and bring back apps that `down` has stopped")
      .option("--foreground", "stay in the foreground and log to standard error (for systemd)")
      .option("--workers <n>", "proxy worker processes")
      .option("--lease <s>", "with --foreground: seconds of silence after which another daemon may take over (15)"),
    ["hitless up", "hitless up --foreground --state /var/lib/hitless"],
    (session, options: UpOptions) => up(session, options),
  );
  run(
    program
      .command("down")
      .description("drain and stop every app, the proxy and the daemon; releases are kept")
      .option("--keep-instances", "end the daemon only: proxy and instances go on serving"),
    ["hitless down", "hitless down --keep-instances"],
    (session, options: DownOptions) => down(session, options),
  );
  run(
    program.command("daemon", { hidden: true }).option("--workers <n>").option("--lease <s>"),
    [],
    ({ host, stateDirectory }, options: UpOptions) => host.runDaemon({ stateDirectory, foreground: false, ...parsed(options) }),
  );
}

async function up(session: Session, options: UpOptions): Promise<void> {
  const { workers, leaseMs } = parsed(options);
  const { stateDirectory, output, host } = session;
  if (options.foreground === true) {
    await host.runDaemon({ stateDirectory, foreground: true, workers, leaseMs });
    return;
  }
  const { info, fresh } = await host.ensureDaemon(stateDirectory, workers);
  if (session.wantsJson) output.json(info);
  else
    output.line(
      `${fresh ? "the daemon was started" : "the daemon is running"}  ${output.style("dim", `pid ${String(info.pid)}, state in ${info.stateDirectory}`)}`,
    );
  await upgradeOutdated(session, info);
  const stopped = (await session.client.apps()).filter((status) => status.suspended && status.active !== null);
  for (const { app } of stopped) {
    const { deployment } = await session.client.request(app, "resume");
    await follow(session, app, deployment);
  }
}

/** The proxy outlives the daemon: after an update of Hitless the old one may still run. */
async function upgradeOutdated({ client, output, host, wantsJson }: Session, info: DaemonInfo): Promise<void> {
  if (info.version !== host.version) {
    output.note(
      `the daemon is version ${info.version}, this is ${host.version}: \`hitless down --keep-instances\` and \`hitless up\` replace it`,
    );
  } else if (info.proxyVersion !== null && info.proxyVersion !== host.version) {
    const outcome = await client.upgradeProxy(null);
    if (!wantsJson) output.line(upgradeText(outcome));
  }
}

async function down(session: Session, options: DownOptions): Promise<void> {
  const { client, output } = session;
  const keep = options.keepInstances === true;
  const running = await client.info().catch((error: unknown) => {
    if (error instanceof HitlessError && error.code === "ERR_DAEMON_UNREACHABLE") return null;
    throw error;
  });
  if (running === null && keep) throw new HitlessError({ code: "ERR_NOTHING_RUNNING", what: "No daemon is running." });
  // Instances and proxy may run although their daemon was killed: only a daemon can stop them in order.
  const { pid } = running ?? (await session.host.ensureDaemon(session.stateDirectory, null)).info;
  await client.shutdown(keep ? "keep" : "stop");
  await untilGone(pid);
  if (!session.wantsJson)
    output.line(
      keep ? "the daemon has ended; proxy and instances go on serving" : "everything is stopped; `hitless up` brings it back",
    );
}

/** The answer comes just before the end; who reads "stopped" may rely on it. */
async function untilGone(pid: number): Promise<void> {
  const until = Date.now() + END_LIMIT_MS;
  while (isAlive(pid) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 25));
}

function parsed({ workers, lease }: UpOptions): { workers: number | null; leaseMs: number | null } {
  return { workers: parseWorkers(workers), leaseMs: parseLease(lease) };
}

function parseLease(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text) * 1_000;
  throw new HitlessError({
    code: "ERR_USAGE",
    what: `--lease ${text} is not valid.`,
    why: "It is a number of seconds from 1 to 9999.",
  });
}

function parseWorkers(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new HitlessError({ code: "ERR_USAGE", what: `--workers ${text} is not valid.`, why: "It is a number from 1 to 999." });
}
