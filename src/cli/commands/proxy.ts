import type { Command } from "commander";
import { HitlessError } from "../../base/error.ts";
import { duration } from "../../config/units.ts";
import type { Register } from "../register.ts";
import { renderProxy, upgradeText } from "../render/proxy.ts";
import type { CommonOptions, Session } from "../session.ts";

interface UpgradeOptions extends CommonOptions {
  readonly drain?: string;
}

/** The proxy as a program of its own. */
export function registerProxy(program: Command, run: Register): void {
  const proxy = program.command("proxy").description("the proxy itself: look at it, upgrade it");
  run(proxy.command("status").description("its processes and what they have"), ["hitless proxy status"], async (session) => {
    const status = await session.client.proxy();
    if (session.wantsJson) session.output.json(status);
    else for (const line of renderProxy(status, session.output, Date.now())) session.output.line(line);
  });
  run(
    program.command("metrics").description("the proxy's counts in the Prometheus text format"),
    ["hitless metrics", "hitless metrics > /var/lib/node_exporter/hitless.prom"],
    async (session) => {
      session.output.raw(await session.client.metrics());
    },
  );
  run(
    proxy
      .command("upgrade")
      .description(
        "start a new generation of the proxy on the same sockets; the old one finishes what it has, no request is lost",
      )
      .option("--drain <time>", "how long the old one may finish its connections, WebSockets included (default: 90s)"),
    ["hitless proxy upgrade", "hitless proxy upgrade --drain 10m"],
    (session, options: UpgradeOptions) => upgrade(session, options),
  );
}

async function upgrade(session: Session, { drain }: UpgradeOptions): Promise<void> {
  const outcome = await session.client.upgradeProxy(drain === undefined ? null : parseTime(drain));
  if (session.wantsJson) session.output.json(outcome);
  else session.output.line(upgradeText(outcome));
}

function parseTime(text: string): number {
  const parsed = duration(0).safeParse(text);
  if (parsed.success) return parsed.data;
  throw new HitlessError({
    code: "ERR_USAGE",
    what: `--drain ${text} is not valid.`,
    why: parsed.error.issues[0]?.message ?? "",
  });
}
