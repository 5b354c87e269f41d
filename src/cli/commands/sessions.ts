import type { Command } from "commander";
import type { Register } from "../register.ts";
import { renderSessions } from "../render/sessions.ts";
import type { CommonOptions } from "../session.ts";

interface SessionsOptions extends CommonOptions {
  readonly prefix: string;
}

/** The app's session store. */
export function registerSessions(program: Command, run: Register): void {
  run(
    program
      .command("sessions")
      .description("the app's session store: how many, how old, how much, and which release wrote them")
      .option("--prefix <text>", "what the ids of its sessions begin with", "sess:"),
    ["hitless sessions", 'hitless sessions --prefix "django:" --json'],
    async (session, { prefix }: SessionsOptions) => {
      const status = await session.client.sessions(await session.app(), prefix);
      if (session.wantsJson) session.output.json(status);
      else for (const line of renderSessions(status)) session.output.line(line);
    },
  );
}
