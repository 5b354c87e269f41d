import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readdir, readlink } from "node:fs/promises";
import { sep } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { HitlessError } from "../../base/error.ts";

export interface BuildOptions {
  readonly command: string;
  readonly directory: string;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly logPath: string;
  readonly onOutput: (line: string) => void;
  readonly signal: AbortSignal;
}

const LINES_SHOWN = 20;
/** How long output may go on after the build has ended: something that left its group may hold the pipe for ever. */
const OUTPUT_MS = 2_000;

/**
 * Runs the build in a process group of its own; when it ends or is given up the whole group goes.
 * @throws ERR_BUILD_FAILED with the exit code and the last lines
 */
export async function runBuild({ command, directory, env, logPath, onOutput, signal }: BuildOptions): Promise<void> {
  signal.throwIfAborted();
  const child = spawn("/bin/sh", ["-c", command], { cwd: directory, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const giveUp = (): void => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  signal.addEventListener("abort", giveUp, { once: true });
  const log = createWriteStream(logPath, { mode: 0o600 });
  log.on("error", () => undefined);
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      log.write(`${line}\n`);
      last.push(line);
      if (last.length > LINES_SHOWN) last.shift();
      onOutput(line);
    });
  }
  try {
    const how = await ended(child);
    signal.throwIfAborted();
    if (how !== null) throw failed(command, how, last);
  } finally {
    signal.removeEventListener("abort", giveUp);
    log.end();
  }
}

/** Ends what a daemon that was killed has left running in the directory. */
export async function endLeftBuilds(directory: string): Promise<void> {
  for (const pid of await readdir("/proc").catch(() => [])) {
    const at = await readlink(`/proc/${pid}/cwd`).catch(() => null);
    if (at !== directory && at?.startsWith(directory + sep) !== true) continue;
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended already.
    }
  }
}

/** Resolves when the build has ended and its output was read; null stands for success. */
function ended(child: ChildProcessByStdio<null, Readable, Readable>): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let late: NodeJS.Timeout | undefined;
    child.once("error", reject);
    child.once("exit", () => {
      // What it has started in the background has nothing left to do, and would hold the output open.
      if (child.pid !== undefined) killGroup(child.pid);
      late = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, OUTPUT_MS);
    });
    child.once("close", (code, signal) => {
      clearTimeout(late);
      resolve(code === 0 ? null : signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`);
    });
  });
}

function failed(command: string, how: string, lines: readonly string[]): HitlessError {
  return new HitlessError({
    code: "ERR_BUILD_FAILED",
    what: `The build ${how}.`,
    why: `It was: ${command}`,
    next: "Nothing was changed. Correct it and deploy again.",
    details: lines,
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
