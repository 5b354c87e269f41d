import { ProcessJobs } from "../../../../src/adapters/process/jobs.ts";

/** A daemon's stand-in: runs the job it is told to, in a directory, and prints what it prints, until it is killed. */
const [state = "", directory = "", command = ""] = process.argv.slice(2);
await new ProcessJobs(state).run(
  { app: "shop", job: "d1/hook", launch: { directory, command, env: {} }, timeoutMs: 60_000, secrets: [] },
  {
    onOutput: (lines) => process.stdout.write(`${lines.join("\n")}\n`),
    signal: new AbortController().signal,
  },
);
