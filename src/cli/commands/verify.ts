import type { Command } from "commander";
import { readJourney, journeysOf } from "../../config/tasks/journey-file.ts";
import type { StatelessnessAnswer, VerifyStatelessRequest } from "../../api/statelessness.ts";
import { duration } from "../../config/units.ts";
import { HitlessError } from "../../base/error.ts";
import type { StatelessTask } from "../../core/task.ts";
import type { Register } from "../register.ts";
import { statelessnessFailure, statelessnessText } from "../render/statelessness.ts";
import type { CommonOptions, Session } from "../session.ts";

/** For making recorded requests again, in milliseconds. */
const RECORDED_MS = 120_000;

interface StatelessOptions extends CommonOptions {
  readonly journey?: string;
  readonly record?: string;
  readonly restart: boolean;
  readonly timeout?: string;
}

/** Proofs of what an application must be able to do. */
export function registerVerify(program: Command, run: Register): void {
  const verify = program.command("verify").description("prove what a deployment without loss needs of an application");
  run(
    verify
      .command("stateless")
      .description(
        "walk a journey on one node, then over all nodes, then with the nodes replaced on the way, and say what depends on the node",
      )
      .option(
        "--journey <file>",
        "YAML or JSON with `stateless` (a name) and `requests` (default: those among the configured checks)",
      )
      .option(
        "--record <time>",
        "instead: live requests of so long that change nothing, made again node by node with the cookies of their clients",
      )
      .option("--no-restart", "do not replace the nodes on the way (it is done as by `hitless restart`)")
      .option("--timeout <time>", "for all walks together (default: 2m, or as the journey says)"),
    [
      "hitless verify stateless --journey buys.yaml",
      "hitless verify stateless --record 60s",
      "hitless verify stateless --no-restart --json   # exit code 0: stateless, 6: not, 7: it could not be told",
    ],
    verifyStateless,
  );
}

async function verifyStateless(session: Session, options: StatelessOptions): Promise<void> {
  const app = await session.app();
  const limit = options.timeout === undefined ? undefined : timeOf("--timeout", options.timeout);
  const answers: StatelessnessAnswer[] = [];
  for (const { said, name, requests, timeoutMs } of await ordersOf(session, options)) {
    session.output.note(`${said} (${app})`);
    const order = { name, requests, timeoutMs: limit ?? timeoutMs, restart: options.restart };
    const answer = await session.client.verifyStateless(app, order);
    answers.push(answer);
    if (!session.wantsJson) for (const line of statelessnessText(answer, session.output)) session.output.line(line);
  }
  if (session.wantsJson) session.output.json({ app, answers });
  const failure = statelessnessFailure(app, answers);
  if (failure !== null) throw new HitlessError(failure);
}

interface Order extends Pick<VerifyStatelessRequest, "name" | "requests" | "timeoutMs"> {
  readonly said: string;
}

/** What is walked: what is recorded, a journey in a file, or those among the configured checks. */
async function ordersOf(session: Session, { record, journey }: StatelessOptions): Promise<readonly Order[]> {
  if (record !== undefined && journey !== undefined) {
    const why = "Live requests are recorded, or a journey is walked.";
    throw new HitlessError({ code: "ERR_USAGE", what: "--record and --journey do not go together.", why });
  }
  if (record !== undefined) {
    const recordMs = timeOf("--record", record);
    const said = `recording live requests for ${record}: at most 100 of GET and HEAD, with their cookies, in memory alone`;
    return [{ said, name: "live traffic", requests: { recordMs }, timeoutMs: RECORDED_MS }];
  }
  const journeys = journey === undefined ? await configured(session) : [await readJourney(session.host.cwd, journey)];
  return journeys.map(({ name, requests, timeoutMs }) => {
    return { said: `walking ${name}, ${String(requests.length)} requests`, name, requests, timeoutMs };
  });
}

async function configured(session: Session): Promise<readonly StatelessTask[]> {
  const { spec } = await session.config();
  const journeys = journeysOf(spec.tasks?.checks ?? []);
  if (journeys.length > 0) return journeys;
  throw new HitlessError({
    code: "ERR_USAGE",
    what: "There is no journey to walk.",
    next: "Name one with --journey, use --record, or put a check with `stateless` into the configuration: docs/statelessness.md.",
  });
}

function timeOf(option: string, text: string): number {
  const parsed = duration(1_000, 3_600_000).safeParse(text);
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues[0]?.message ?? "";
  throw new HitlessError({ code: "ERR_USAGE", what: `${option} ${text} is not valid.`, why });
}
