import type { Command } from "commander";
import { HitlessError } from "../../base/error.ts";
import { followMove } from "../move-follow.ts";
import type { Register } from "../register.ts";
import { renderSessions } from "../render/sessions.ts";
import type { CommonOptions, Session } from "../session.ts";

interface SessionsOptions extends CommonOptions {
  readonly prefix: string;
}

interface MoveOptions extends CommonOptions {
  readonly to?: string;
  readonly abort?: boolean;
  readonly detach?: boolean;
}

const REFERENCE = /^env:([A-Za-z_]\w*)$/;

/** The app's session store. */
export function registerSessions(program: Command, run: Register): void {
  const sessions = program.command("sessions").description("the app's session store, and its move to another one");
  run(
    sessions
      .command("show", { isDefault: true })
      .description("the app's session store: how many, how old, how much, which release wrote them, and how far a move is")
      .option("--prefix <text>", "what the ids of its sessions begin with", "sess:"),
    ["hitless sessions", 'hitless sessions --prefix "django:" --json'],
    show,
  );
  run(
    sessions
      .command("move [name]")
      .description("move the sessions of an app to another store while they are used; nobody is logged out")
      .option("--to <store>", 'the URL of the new store, "env:NAME" to take it from a variable, or "hitless"')
      .option("--abort", "take the move back, as long as every instance still writes into both stores")
      .option("--detach", "do not wait for the end; it goes on in the background"),
    [
      "hitless sessions move shop --to redis://cache:6379",
      "hitless sessions move --to env:NEW_STORE --detach && hitless sessions",
      "hitless sessions move --to hitless   # to a state server that the daemon runs",
      "hitless sessions move shop --abort",
    ],
    move,
  );
}

async function show(session: Session, { prefix }: SessionsOptions): Promise<void> {
  const status = await session.client.sessions(await session.app(), prefix);
  if (session.wantsJson) session.output.json(status);
  else for (const line of renderSessions(status)) session.output.line(line);
}

async function move(session: Session, { to, abort, detach }: MoveOptions, name?: string): Promise<void> {
  if ((to === undefined) === (abort !== true)) {
    throw new HitlessError({ code: "ERR_USAGE", what: "Where to?", next: "Say `--to` with the new store, or `--abort`." });
  }
  const app = name ?? (await session.app());
  if (to === undefined) await session.client.abortSessionMove(app);
  else await session.client.moveSessions(app, storeNamed(to, session.host.env));
  if (detach !== true) await followMove(session, app, to === undefined ? "aborted" : "done");
  else if (session.wantsJson) session.output.json({ move: await session.client.sessionMove(app) });
}

function storeNamed(text: string, env: NodeJS.ProcessEnv): string {
  const name = REFERENCE.exec(text)?.[1];
  const value = name === undefined ? text : env[name];
  if (value !== undefined && value !== "") return value;
  throw new HitlessError({
    code: "ERR_ENV_MISSING",
    what: `${name ?? ""} is not set in this environment.`,
    next: "Nothing was begun.",
  });
}
