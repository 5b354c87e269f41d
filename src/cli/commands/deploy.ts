import { Option, type Command } from "commander";
import type { DeployAccepted } from "../../api/daemon.ts";
import { HitlessError } from "../../base/error.ts";
import { STRATEGIES, type Batch, type BusyPolicy, type Strategy } from "../../core/app-spec.ts";
import { follow } from "../follow.ts";
import { untilBegun } from "../queue.ts";
import type { CommonOptions, Session } from "../session.ts";
import { finishSteps } from "../step-follow.ts";
import type { Register } from "../register.ts";

interface DeployOptions extends CommonOptions {
  readonly strategy?: string;
  readonly batch?: string;
  readonly force?: boolean;
  readonly queue?: boolean;
  readonly supersede?: boolean;
  readonly override?: string;
  readonly detach?: boolean;
  readonly runSteps?: boolean;
  readonly waitSteps?: boolean;
}

export function registerDeploy(program: Command, run: Register): void {
  run(
    program
      .command("deploy")
      .description("make a release of this directory the active one, without losing a request")
      .option("--strategy <name>", `how instances are replaced: ${STRATEGIES.join(", ")}`)
      .option("--batch <n>", "instances replaced at a time: a number, or a share such as 25%")
      .option("--force", "deploy also when nothing has changed")
      .option("--queue", "while another deployment runs: wait for its end, then begin")
      .addOption(
        new Option("--supersede", "while another deployment runs: that goes back, then this one begins").conflicts("queue"),
      )
      .option("--override <reason>", "although deployments are frozen; the reason goes on record")
      .option("--run-steps", "run the steps that the release requires first, whatever their windows")
      .option("--wait-steps", "wait first until the steps that the release requires are done")
      .option("--detach", "do not wait for the end"),
    [
      "hitless deploy",
      "hitless deploy --batch 1",
      "hitless deploy --run-steps",
      "hitless deploy --queue",
      'hitless deploy --override "the checkout is down"',
      "hitless deploy --force --json",
    ],
    (session, options: DeployOptions) => deploy(session, options),
  );
}

async function deploy(session: Session, options: DeployOptions): Promise<void> {
  const strategy = parseStrategy(options.strategy);
  const batch = parseBatch(options.batch);
  const { spec, source, ignore, build, env } = await session.config();
  if (session.options.app !== undefined && session.options.app !== spec.app) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `The configuration here is of ${spec.app}, not of ${session.options.app}.`,
    });
  }
  await session.host.ensureDaemon(session.stateDirectory, null);
  if (options.runSteps === true || options.waitSteps === true) await finishSteps(session, { now: options.runSteps === true });
  const accepted = await session.client.deploy({
    spec,
    source,
    ignore: [...ignore],
    build,
    env: Object.fromEntries(Object.entries(env).map(([type, variables]) => [type, { ...variables }])),
    strategy,
    batch,
    force: options.force === true,
    ...busyPolicy(options),
    ...(options.override === undefined ? {} : { override: options.override }),
  });
  if (options.detach === true) detached(session, accepted);
  else if (accepted.queued === null) await follow(session, spec.app, accepted.deployment);
  else await follow(session, spec.app, await untilBegun(session, spec.app, accepted.queued));
}

function busyPolicy({ queue, supersede }: DeployOptions): { whenBusy?: BusyPolicy } {
  if (supersede === true) return { whenBusy: "supersede" };
  return queue === true ? { whenBusy: "queue" } : {};
}

function detached({ output, wantsJson }: Session, { deployment, queued }: DeployAccepted): void {
  if (wantsJson) output.line(JSON.stringify({ deployment, queued }));
  else output.line(queued === null ? deployment : `${queued} is queued`);
}

function parseStrategy(text: string | undefined): Strategy | null {
  if (text === undefined) return null;
  const found = STRATEGIES.find((strategy) => strategy === text);
  if (found !== undefined) return found;
  throw new HitlessError({ code: "ERR_USAGE", what: `There is no strategy ${text}.`, why: `There is ${STRATEGIES.join(", ")}.` });
}

function parseBatch(text: string | undefined): Batch | null {
  if (text === undefined) return null;
  const [, number = "", sign = ""] = /^([1-9]\d{0,3})(%?)$/.exec(text) ?? [];
  const value = Number(number);
  if (value >= 1 && (sign === "" || value <= 100))
    return sign === "" ? { kind: "count", count: value } : { kind: "percent", percent: value };
  throw new HitlessError({
    code: "ERR_USAGE",
    what: `--batch ${text} is not valid.`,
    why: "It is a number of instances such as 1, or a share such as 25%.",
  });
}
