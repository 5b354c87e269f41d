import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export interface ProgramOptions {
  readonly command: readonly string[];
  /** The processor it may run on. */
  readonly core: number;
  /** Its output goes there. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

const READY_MS = 10_000;
const STOP_MS = 3_000;
const running = new Set<Program>();

/** A program under test or beside it: pinned to one processor, in a process group of its own so that all of it can be stopped. */
export class Program {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #options: ProgramOptions;
  readonly #ended: Promise<void>;

  constructor(options: ProgramOptions) {
    this.#options = options;
    const log = openSync(options.logFile, "a");
    // taskset replaces itself with the program: the process number stays.
    this.#child = spawn("taskset", ["--cpu-list", String(options.core), ...options.command], {
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, ...options.env },
    });
    closeSync(log);
    this.pid = this.#child.pid ?? 0;
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", () => {
        resolve();
      });
      this.#child.once("exit", () => {
        resolve();
      });
    });
    running.add(this);
  }

  /** Waits until `ready` holds; a program that ends before is an error with what it wrote. */
  async until(ready: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + READY_MS;
    while (!(await ready())) {
      if (this.#child.exitCode !== null || performance.now() > deadline) throw new Error(this.#complaint());
      await pause(25);
    }
  }

  async stop(): Promise<void> {
    this.#signal("SIGTERM");
    await Promise.race([this.#ended, pause(STOP_MS)]);
    this.kill();
    await this.#ended;
  }

  /** At once, and without waiting: also for the end of this process. */
  kill(): void {
    this.#signal("SIGKILL");
    running.delete(this);
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // The whole group is gone.
    }
  }

  #complaint(): string {
    const { command, logFile } = this.#options;
    return `\`${command.join(" ")}\` is not ready; it wrote:\n${readFileSync(logFile, "utf8").slice(-2_000)}`;
  }
}

/** Whatever way this process ends, it leaves nothing behind. */
export function killProgramsAtExit(): void {
  process.on("exit", () => {
    for (const program of running) program.kill();
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      process.exit(130);
    });
  }
}

export async function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

export function isInstalled(command: string): boolean {
  return spawnSync("sh", ["-c", 'command -v "$1"', "sh", command]).status === 0;
}

/** What a program says of its version; some write that to stderr. */
export function versionOf(command: string, args: readonly string[], pattern: RegExp): string {
  const text = execFileSync("sh", ["-c", '"$0" "$@" 2>&1', command, ...args], { encoding: "utf8" });
  return pattern.exec(text)?.[1] ?? text.trim().slice(0, 40);
}
