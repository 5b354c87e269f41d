import { HitlessError } from "../../base/error.ts";
import { runSql, runWalk } from "./database-steps.ts";
import { runJob } from "./job-steps.ts";
import { DONE, type StepEnd, type StepPorts, type StepRun } from "./step-run.ts";
import { runHttp, runWait } from "./waits.ts";

/** Does the step, or goes on with it. Rejects with the signal's reason when the attempt is cut short. */
export async function runStepWork(ports: StepPorts, run: StepRun): Promise<StepEnd> {
  const { work } = run.record().definition;
  switch (work.kind) {
    case "sql":
      return runSql(ports, run, work);
    case "update":
    case "batches":
      return runWalk(ports, run, work);
    case "command":
      return runJob(ports, run, work.command);
    case "function":
      return runJob(ports, run, ports.places.functionCommand(work.file));
    case "http":
      return runHttp(ports, run, work);
    case "wait":
      return runWait(ports, run, work.until);
    case "expand":
      return expand(ports, run);
  }
}

/** A contract of an earlier release is waited for: the deployment would wait for it too. */
async function expand(ports: StepPorts, run: StepRun): Promise<StepEnd> {
  try {
    await ports.expand(run);
    return DONE;
  } catch (error) {
    if (!(error instanceof HitlessError) || error.code !== "ERR_CONTRACT_WAITS") throw error;
    return { kind: "again", reason: error.failure.what };
  }
}
