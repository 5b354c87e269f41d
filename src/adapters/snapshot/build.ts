import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
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

/**
 * Runs the build in a process group of its own; when it is given up the whole group goes.
 * @throws ERR_BUILD_FAILED with the exit code and the last lines
 */
export async function runBuild({ command, directory, env, logPath, onOutput, signal }: BuildOptions): Promise<void> {
  const child = spawn("/bin/sh", ["-c", command], { cwd: directory, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const giveUp = (): void => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) giveUp();
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

function ended(child: ReturnType<typeof spawn>): Promise<string | null> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
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
