import type { Command } from "commander";
import { HitlessError } from "../../base/error.ts";
import { follow } from "../follow.ts";
import type { Register } from "../register.ts";
import type { Session } from "../session.ts";

/** Changes of what runs, without new code. */
export function registerOperations(program: Command, run: Register): void {
  run(
    program
      .command("rollback")
      .argument("[release]", "the release to go back to; default: the one that was active before")
      .description("go back to an earlier release, without losing a request"),
    ["hitless rollback", "hitless rollback r41"],
    (session, _options, release?: string) => begin(session, "rollback", { release: release ?? null }),
  );
  run(
    program.command("restart").description("replace every instance by a new one of the same release, batch by batch"),
    ["hitless restart"],
    (session) => begin(session, "restart", {}),
  );
  run(
    program
      .command("scale")
      .argument("<counts...>", "process type and number of instances")
      .description("change how many instances run"),
    ["hitless scale web=6", "hitless scale web=6 worker=2"],
    (session, _options, counts: readonly string[]) => begin(session, "scale", { counts: parseCounts(counts) }),
  );
}

async function begin(session: Session, operation: string, body: object): Promise<void> {
  const app = await session.app();
  const { deployment } = await session.client.request(app, operation, body);
  await follow(session, app, deployment);
}

function parseCounts(texts: readonly string[]): Readonly<Record<string, number>> {
  const counts = texts.map((text) => {
    const [, type = "", number = ""] = /^([a-z][a-z0-9-]*)=(\d{1,5})$/.exec(text) ?? [];
    if (type !== "" && Number(number) <= 10_000) return [type, Number(number)] as const;
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `${text} is not valid.`,
      why: "It is a process type and a number up to 10000, such as web=6.",
    });
  });
  return Object.fromEntries(counts);
}
