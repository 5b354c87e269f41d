import type { Command } from "commander";
import { follow } from "../follow.ts";
import type { Register } from "../register.ts";
import type { CommonOptions, Session } from "../session.ts";

interface PromoteOptions extends CommonOptions {
  readonly full?: boolean;
}

interface AbortOptions extends CommonOptions {
  readonly queued?: boolean;
}

interface RetryOptions extends CommonOptions {
  readonly override?: string;
  readonly detach?: boolean;
}

/** What can be said to a deployment that runs. The commonest are there without the word `rollout` too. */
export function registerRollout(program: Command, run: Register): void {
  const rollout = program.command("rollout").description("say something to the running deployment");
  for (const [parent, prefix] of [
    [program, ""],
    [rollout, "rollout "],
  ] as const) {
    registerPromote(parent, prefix, run);
    registerAbort(parent, prefix, run);
  }
  run(
    rollout.command("pause").description("leave the running deployment where it is; what fails meanwhile still takes it back"),
    ["hitless rollout pause"],
    (session) => tell(session, "rollout/pause", "stays where it is until `hitless rollout resume`"),
  );
  run(rollout.command("resume").description("let a paused deployment go on"), ["hitless rollout resume"], (session) =>
    tell(session, "rollout/resume", "goes on"),
  );
  run(
    rollout
      .command("retry")
      .description(
        "judge again what the running deployment could not pass; with none running, deploy again the release that went back",
      )
      .option("--override <reason>", "although deployments are frozen; the reason goes on record")
      .option("--detach", "do not wait for the end"),
    ["hitless rollout retry", 'hitless rollout retry --override "the checkout is down"'],
    retry,
  );
}

/** What was running before is judged again, and may be followed by somebody else; what begins is followed, as with `deploy`. */
async function retry(session: Session, { override, detach = false }: RetryOptions): Promise<void> {
  const app = await session.app();
  const { deployment: last } = await session.client.app(app);
  const { deployment } = await session.client.request(app, "rollout/retry", override === undefined ? {} : { override });
  if (deployment === last?.name || detach) say(session, deployment, deployment === last?.name ? "judges again" : "has begun");
  else await follow(session, app, deployment);
}

function registerAbort(parent: Command, prefix: string, run: Register): void {
  run(
    parent
      .command("abort")
      .description("ask the running deployment to go back")
      .option("--queued", "take back the one that waits for its turn; the running one goes on"),
    [`hitless ${prefix}abort`, `hitless ${prefix}abort --queued`],
    async (session, { queued = false }: AbortOptions) => {
      if (queued) await clearQueue(session);
      else await tell(session, "abort", "goes back");
    },
  );
}

async function clearQueue(session: Session): Promise<void> {
  const { deployment } = await session.client.request(await session.app(), "queue/clear");
  if (session.wantsJson) session.output.json({ deployment });
  else session.output.line("nothing is queued any more");
}

function registerPromote(parent: Command, prefix: string, run: Register): void {
  run(
    parent
      .command("promote")
      .description("let the running deployment go on with what it waits for")
      .option("--full", "and with all the rest, without waiting for anything any more"),
    [`hitless ${prefix}promote`, `hitless ${prefix}promote --full`],
    (session, { full = false }: PromoteOptions) => tell(session, "promote", full ? "goes all the way" : "goes on", { full }),
  );
}

/** Somebody else may be following it. */
async function tell(session: Session, operation: string, text: string, body: object = {}): Promise<void> {
  const { deployment } = await session.client.request(await session.app(), operation, body);
  say(session, deployment, text);
}

function say({ output, wantsJson }: Session, deployment: string, text: string): void {
  if (wantsJson) output.json({ deployment });
  else output.line(`${deployment} ${text}; follow it with \`hitless status --watch\``);
}
