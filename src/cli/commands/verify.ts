import type { Command } from "commander";
import { readJourney, journeysOf } from "../../config/tasks/journey-file.ts";
import type { StatelessnessAnswer } from "../../api/statelessness.ts";
import { duration } from "../../config/units.ts";
import { HitlessError } from "../../base/error.ts";
import type { StatelessTask } from "../../core/task.ts";
import type { Register } from "../register.ts";
import { statelessnessFailure, statelessnessText } from "../render/statelessness.ts";
import type { CommonOptions, Session } from "../session.ts";

interface StatelessOptions extends CommonOptions {
  readonly journey?: string;
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
      .option("--no-restart", "do not replace the nodes on the way (it is done as by `hitless restart`)")
      .option("--timeout <time>", "for all walks together (default: 2m, or as the journey says)"),
    [
      "hitless verify stateless --journey buys.yaml",
      "hitless verify stateless --no-restart --json   # exit code 0: stateless, 6: not, 7: it could not be told",
    ],
    verifyStateless,
  );
}

async function verifyStateless(session: Session, options: StatelessOptions): Promise<void> {
  const app = await session.app();
  const journeys =
    options.journey === undefined ? await configured(session) : [await readJourney(session.host.cwd, options.journey)];
  const answers: StatelessnessAnswer[] = [];
  for (const { name, requests, timeoutMs } of journeys) {
    session.output.note(`walking ${name} (${String(requests.length)} requests) over the nodes of ${app}`);
    const limit = options.timeout === undefined ? timeoutMs : timeOf(options.timeout);
    const answer = await session.client.verifyStateless(app, { name, requests, timeoutMs: limit, restart: options.restart });
    answers.push(answer);
    if (!session.wantsJson) for (const line of statelessnessText(answer, session.output)) session.output.line(line);
  }
  if (session.wantsJson) session.output.json({ app, journeys: journeys.map(({ name }, index) => ({ name, ...answers[index] })) });
  const failure = statelessnessFailure(app, answers);
  if (failure !== null) throw new HitlessError(failure);
}

async function configured(session: Session): Promise<readonly StatelessTask[]> {
  const { spec } = await session.config();
  const journeys = journeysOf(spec.tasks?.checks ?? []);
  if (journeys.length > 0) return journeys;
  throw new HitlessError({
    code: "ERR_USAGE",
    what: "There is no journey to walk.",
    next: "Name one with --journey, or put a check with `stateless` into the configuration: docs/statelessness.md.",
  });
}

function timeOf(text: string): number {
  const parsed = duration(1_000).safeParse(text);
  if (parsed.success) return parsed.data;
  throw new HitlessError({
    code: "ERR_USAGE",
    what: `--timeout ${text} is not valid.`,
    why: parsed.error.issues[0]?.message ?? "",
  });
}
