import { Command, CommanderError } from "commander";
import { exitCodeOf, HitlessError, toFailure } from "../base/error.ts";
import { registerDaemon } from "./commands/daemon.ts";
import { registerDatabase } from "./commands/database.ts";
import { registerDeploy } from "./commands/deploy.ts";
import { registerGates } from "./commands/gate.ts";
import { registerLogs } from "./commands/logs.ts";
import { registerLooking } from "./commands/look.ts";
import { registerOperations } from "./commands/operate.ts";
import { registerPlan } from "./commands/plan.ts";
import { registerProxy } from "./commands/proxy.ts";
import { registerRollout } from "./commands/rollout.ts";
import { registerSessions } from "./commands/sessions.ts";
import { registerStateServer } from "./commands/state-server.ts";
import { registerSteps } from "./commands/steps.ts";
import { registerStatus } from "./commands/status.ts";
import { registerVerify } from "./commands/verify.ts";
import type { CliHost } from "./host.ts";
import type { Output } from "./output.ts";
import type { Register } from "./register.ts";
import { renderFailure } from "./render/failure.ts";
import { Session } from "./session.ts";

const USAGE_EXIT = 2;

/** Runs the command line and gives the exit code. */
export async function runCli(argv: readonly string[], host: CliHost, output: Output): Promise<number> {
  const program = buildProgram(host, output);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT;
    const failure = toFailure(error, "ERR_INVARIANT", "An error was not expected.");
    if (argv.includes("--json") || argv[0] === "daemon") output.line(JSON.stringify(failure));
    else for (const line of renderFailure(failure, output)) output.note(line);
    if (!(error instanceof HitlessError) && error instanceof Error) output.note(error.stack ?? "");
    return exitCodeOf(failure.code);
  }
}

function buildProgram(host: CliHost, output: Output): Command {
  const program = new Command("hitless")
    .description("Deploys new releases of web applications without losing one request, and proves it.")
    .version(host.version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => {
        output.raw(text);
      },
      writeErr: (text) => {
        output.note(text.trimEnd());
      },
    })
    .addHelpText(
      "after",
      "\nA first deployment:\n  $ cd my-app && $EDITOR hitless.config.ts\n  $ hitless deploy\n  $ hitless status\n  $ hitless rollback\n",
    );
  const register: Register = (command, examples, action) => {
    command
      .option("--state <directory>", "state directory (default: $HITLESS_STATE, or hitless in your state directory)")
      .option("--app <name>", "the app (default: the one configured here)")
      .option("--config <file>", "configuration file")
      .option("--json", "machine-readable output");
    if (examples.length > 0)
      command.addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ ${example}`).join("\n")}\n`);
    command.action(async (...given: unknown[]) => {
      const options = command.opts();
      const args = given.slice(0, -2) as never[];
      await action(new Session(host, output, options), options as never, ...args);
    });
  };
  registerDeploy(program, register);
  registerPlan(program, register);
  registerSteps(program, register);
  registerStatus(program, register);
  registerOperations(program, register);
  registerRollout(program, register);
  registerGates(program, register);
  registerLooking(program, register);
  registerLogs(program, register);
  registerDaemon(program, register);
  registerProxy(program, register);
  registerDatabase(program, register);
  registerSessions(program, register);
  registerVerify(program, register);
  registerStateServer(program, register);
  return program;
}
