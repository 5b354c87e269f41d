import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { redactor } from "../../base/redact.ts";
import { HitlessError } from "../../base/error.ts";
import type { JobEnd, JobRequest, Jobs, JobWatch } from "../../ports/jobs.ts";
import { commandLine, type CommandLine } from "./command-line.ts";
import { baseEnvironment } from "./environment.ts";
import { endGroup } from "./group.ts";
import { JobFiles, type JobRecord } from "./job-files.ts";
import { JobOutput } from "./job-output.ts";
import { bootId, findByEnvironment, groupOfToken, identityOf, isRunning, type ProcessIdentity } from "./proc.ts";

const LOOK_MS = 50;
const GRACE_MS = 5_000;
const TOKEN = "HITLESS_JOB_TOKEN";

/**
 * Claims the job (O_EXCL: of two processes one gets it), does it, and leaves its exit code. So a job that was asked for twice because the
 * first asking died on the way runs once.
 */
const WRAPPER = `
dir=$1
shift
(set -C; : >"$dir/claim") 2>/dev/null || exit 0
"$@"
code=$?
echo "$code" >"$dir/exit"
`;

/** Jobs as processes of this machine, each in a process group of its own. Nothing of them depends on this process. */
export class ProcessJobs implements Jobs {
  readonly #apps: string;

  constructor(stateDirectory: string) {
    this.#apps = join(stateDirectory, "apps");
  }

  async run(request: JobRequest, watch: JobWatch): Promise<JobEnd> {
    const files = new JobFiles(join(this.#apps, request.app), request.job);
    const output = new JobOutput(files.directory, files.output, redactor(request.secrets));
    const how = (await files.end()) ?? (await this.#follow(request, files, output, watch));
    show(output, watch, true);
    return { how, tail: output.tail() };
  }

  async cancel(app: string, job: string): Promise<void> {
    const files = new JobFiles(join(this.#apps, app), job);
    if ((await files.end()) !== null) return;
    const record = await files.record();
    // First on record: what is not claimed yet must not be begun.
    await files.writeEnd({ kind: "cancelled" });
    await files.claim();
    await endJob(record);
  }

  async #follow(request: JobRequest, files: JobFiles, output: JobOutput, watch: JobWatch): Promise<JobEnd["how"]> {
    const record = await this.#started(request, files);
    // It may have come to its end just now.
    if (record === null) return (await files.end()) ?? { kind: "lost" };
    const deadline = record.startedAt + request.timeoutMs;
    for (;;) {
      watch.signal.throwIfAborted();
      const runs = isAlive(record);
      const how = await files.end();
      if (how !== null) {
        // What it has started in the background has nothing left to do.
        await endJob(record);
        return how;
      }
      if (!runs) return { kind: "lost" };
      if (Date.now() >= deadline) {
        await endJob(record);
        return this.#timedOut(files);
      }
      show(output, watch, false);
      await sleep(LOOK_MS);
    }
  }

  async #timedOut(files: JobFiles): Promise<JobEnd["how"]> {
    const ended = await files.end();
    if (ended !== null) return ended;
    await files.writeEnd({ kind: "timeout" });
    return { kind: "timeout" };
  }

  /** The record of the job that runs; it is started if it never was. Null: something of it was begun and nothing of it is left. */
  async #started(request: JobRequest, files: JobFiles): Promise<JobRecord | null> {
    const known = await files.record();
    if (known === null) return this.#start(request, files, null);
    const process = found(known);
    if (process !== null) return { ...known, process };
    if (files.isClaimed() || known.boot !== bootId()) return null;
    return this.#start(request, files, known.token);
  }

  async #start(request: JobRequest, files: JobFiles, token: string | null): Promise<JobRecord> {
    const line = commandLine(request.launch, process.env["PATH"] ?? "");
    const record = { job: request.job, token: token ?? randomUUID(), boot: bootId(), startedAt: Date.now(), process: null };
    await mkdir(files.directory, { recursive: true, mode: 0o700 });
    await files.prune();
    await files.writeRecord(record);
    const pid = await this.#spawn(request, files, line, record.token);
    const started = { ...record, process: identityOf(pid) };
    await files.writeRecord(started);
    return started;
  }

  async #spawn({ launch, job }: JobRequest, files: JobFiles, line: CommandLine, token: string): Promise<number> {
    const output = await open(files.output, "a", 0o600);
    try {
      const child = spawn("/bin/sh", ["-c", WRAPPER, "sh", files.directory, line.file, ...line.args], {
        cwd: launch.directory,
        env: { ...baseEnvironment(process.env), ...launch.env, [TOKEN]: token },
        detached: true,
        stdio: ["ignore", output.fd, output.fd],
      });
      await new Promise((resolve, reject) => {
        child.once("spawn", resolve);
        child.once("error", (error) => {
          reject(new HitlessError({ code: "ERR_COMMAND_NOT_FOUND", what: `${job} could not be started.`, why: error.message }));
        });
      });
      child.unref();
      return child.pid ?? 0;
    } finally {
      await output.close();
    }
  }
}

function show(output: JobOutput, watch: JobWatch, atEnd: boolean): void {
  const lines = output.read(atEnd);
  if (lines.length === 0) return;
  watch.onOutput(lines);
  output.keepPlace();
}

/** The process of a job, by its record or by the token in its environment. */
function found({ process: recorded, token }: JobRecord): ProcessIdentity | null {
  if (recorded !== null && isRunning(recorded)) return recorded;
  const group = groupOfToken(`${TOKEN}=${token}`);
  return group === null ? null : (identityOf(group) ?? { pid: group, startTime: "", boot: bootId() });
}

/** True as long as anything of it runs, also where its leader was killed. */
function isAlive({ process: recorded, token }: JobRecord): boolean {
  if (recorded !== null && isRunning(recorded)) return true;
  return findByEnvironment(`${TOKEN}=${token}`).length > 0;
}

async function endJob(record: JobRecord | null): Promise<void> {
  if (record === null) return;
  const group = groupOfToken(`${TOKEN}=${record.token}`);
  if (group !== null) await endGroup(group, { signal: "SIGTERM", graceMs: GRACE_MS });
}
