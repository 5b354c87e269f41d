import { resolve } from "node:path";
import { HitlessError } from "../../base/error.ts";
import type { StatelessTask, Task } from "../../core/task.ts";
import { readConfigFile } from "../config-file.ts";
import { describeProblems } from "../problems.ts";
import { stateless, statelessOf } from "./journeys.ts";

/** A journey in a file of its own (YAML, JSON or a module), written as the check is. @throws ERR_CONFIG_INVALID, ERR_CONFIG_NOT_FOUND */
export async function readJourney(directory: string, name: string): Promise<StatelessTask> {
  const path = resolve(directory, name);
  const input = await readConfigFile(path);
  const parsed = stateless.safeParse(input);
  if (parsed.success) return statelessOf(parsed.data);
  throw new HitlessError({
    code: "ERR_CONFIG_INVALID",
    what: `${path} is not a journey.`,
    details: describeProblems(parsed.error, input),
  });
}

export function journeysOf(checks: readonly Task[]): readonly StatelessTask[] {
  return checks.filter((task) => task.kind === "stateless");
}
