import type { Command } from "commander";
import type { StepOperation } from "../../api/steps.ts";
import { HitlessError } from "../../base/error.ts";
import { renderSteps } from "../render/steps.ts";
import type { Register } from "../register.ts";
import type { CommonOptions, Session } from "../session.ts";
import { followSteps, prepareHere } from "../step-follow.ts";

interface PrepareOptions extends CommonOptions {
  readonly detach?: boolean;
}

interface ListOptions extends CommonOptions {
  readonly follow?: boolean;
}

const ORDERS: readonly (readonly [StepOperation, string])[] = [
  ["run", "run it as soon as it may, whatever its window"],
  ["pause", "end its work at the next checkpoint; it keeps its place"],
  ["resume", "go on after a pause, or with as much budget again"],
  ["cancel", "give it up; says whether what it did can be taken back, and how"],
  ["retry", "try again what failed, was cancelled or is incomplete, from where it was"],
  ["approve", "say that what it waits for may be"],
];

/** What runs ahead of deployments. */
export function registerSteps(program: Command, run: Register): void {
  run(
    program
      .command("prepare")
      .description("run everything that can run ahead of the next deployment: expansion of the database, backfills, steps")
      .option("--detach", "do not wait for the end; it goes on in the background"),
    ["hitless prepare", "hitless prepare --detach && hitless steps --follow"],
    prepareAndFollow,
  );
  const steps = program.command("steps").description("the steps that run ahead of deployments");
  const listing = steps
    .command("list", { isDefault: true })
    .allowExcessArguments()
    .description("how each is: rate, percent, time left, and why it is not faster")
    .option("-f, --follow", "until all are over");
  run(listing, ["hitless steps", "hitless steps --follow", "hitless steps list --json"], (session, options: ListOptions) =>
    list(session, options, listing.args),
  );
  for (const [operation, description] of ORDERS) {
    run(
      steps.command(`${operation} <name>`).description(description),
      [`hitless steps ${operation} 0003-emails`],
      (session, _options, name: string) => tell(session, name, operation, null),
    );
  }
  run(
    steps
      .command("throttle <name> <share>")
      .description("the share of the time in which it may work; at once, also while it runs"),
    ["hitless steps throttle 0003-emails 50%"],
    (session, _options, name: string, share: string) => tell(session, name, "throttle", percentOf(share)),
  );
}

async function prepareAndFollow(session: Session, { detach }: PrepareOptions): Promise<void> {
  const { app, steps, isOurs } = await prepareHere(session);
  if (detach !== true) await followSteps(session, app, isOurs);
  else if (!session.wantsJson) for (const line of renderSteps(steps, session.output)) session.output.line(line);
  if (session.wantsJson) session.output.json({ steps: await session.client.steps(app) });
}

/** What is no command comes here as well, as arguments. */
async function list(session: Session, { follow }: ListOptions, unknown: readonly string[]): Promise<void> {
  if (unknown.length > 0) throw notACommand(unknown);
  const app = await session.app();
  if (follow === true) await followSteps(session, app, () => true);
  const steps = await session.client.steps(app);
  if (session.wantsJson) session.output.json({ steps });
  else if (follow !== true) for (const line of renderSteps(steps, session.output)) session.output.line(line);
}

function notACommand([word = ""]: readonly string[]): HitlessError {
  const known = ["list", ...ORDERS.map(([operation]) => operation), "throttle"];
  return new HitlessError({
    code: "ERR_USAGE",
    what: `There is no \`hitless steps ${word}\`.`,
    why: `There are ${known.join(", ")}, each but the first with the name of a step.`,
    next: "`hitless steps` shows all steps, `hitless steps --help` what they can be told.",
  });
}

async function tell(session: Session, name: string, operation: StepOperation, percent: number | null): Promise<void> {
  const said = await session.client.tellStep(await session.app(), name, operation, percent);
  if (session.wantsJson) session.output.json({ said });
  else session.output.line(said);
}

function percentOf(text: string): number {
  const [, digits = ""] = /^(\d{1,3})%?$/.exec(text) ?? [];
  const value = Number(digits);
  if (digits !== "" && value >= 1 && value <= 100) return value;
  throw new HitlessError({
    code: "ERR_USAGE",
    what: `${text} is not valid.`,
    why: "It is a share from 1% to 100%; `hitless steps pause` stops it.",
  });
}
