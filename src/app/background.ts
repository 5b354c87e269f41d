import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { DaemonInfo } from "../api/daemon.ts";
import { daemonSocket } from "../api/transport/paths.ts";
import { call } from "../api/transport/call.ts";
import type { Failure } from "../base/error.ts";
import { HitlessError } from "../base/error.ts";
import { prepareStateDirectory } from "./state-directory.ts";

export interface Started {
  readonly info: DaemonInfo;
  /** False if one was running already. */
  readonly fresh: boolean;
}

/** Longer than the lease of a daemon that hangs. */
const START_LIMIT_MS = 40_000;
const AGAIN_MS = 1_000;
const POLL_MS = 25;
/** A daemon that works answers at once. */
const ANSWER_LIMIT_MS = 5_000;
const CLI = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./cli.ts" : "./cli.js", import.meta.url));

/** Finds the daemon of the state directory or starts one in the background and waits until it answers. */
export async function ensureDaemon(stateDirectory: string, workers: number | null): Promise<Started> {
  const running = await daemonInfo(stateDirectory);
  if (running !== null) return { info: running, fresh: false };
  prepareStateDirectory(stateDirectory);
  const until = Date.now() + START_LIMIT_MS;
  let start = new DaemonStart(stateDirectory, workers);
  try {
    for (;;) {
      const info = await daemonInfo(stateDirectory);
      if (info !== null) return { info, fresh: info.pid === start.pid };
      // Another `hitless up` may have been a moment faster: its daemon will answer soon. Or the one that runs hangs: its lease will run out.
      if (start.hasEnded) {
        const failure = start.failure();
        if (failure.code !== "ERR_DAEMON_RUNNING") throw new HitlessError(failure);
        await sleep(AGAIN_MS);
        if ((await daemonInfo(stateDirectory)) === null) start = start.again();
      }
      if (Date.now() > until) throw new HitlessError(start.failure());
      await sleep(POLL_MS);
    }
  } finally {
    start.close();
  }
}

export async function daemonInfo(stateDirectory: string): Promise<DaemonInfo | null> {
  try {
    return await call<DaemonInfo>(daemonSocket(stateDirectory), "/v1/daemon", {
      unreachable: { code: "ERR_DAEMON_UNREACHABLE", what: "" },
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
  } catch (error) {
    if (error instanceof HitlessError && error.code === "ERR_DAEMON_UNREACHABLE") return null;
    // One that hangs is as good as none: the next takes over when its lease has run out.
    if (error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError")) return null;
    throw error;
  }
}

/** A daemon that was started in the background, and what it says until it answers. */
class DaemonStart {
  readonly #child: ChildProcess;
  readonly #output: number;
  readonly #stateDirectory: string;
  readonly #workers: number | null;

  constructor(stateDirectory: string, workers: number | null) {
    this.#stateDirectory = stateDirectory;
    this.#workers = workers;
    // Two `hitless up` at once must not read what the other's daemon says: the file has a name for this moment only.
    const path = join(stateDirectory, `daemon-${String(process.pid)}.out`);
    this.#output = openSync(path, "w+", 0o600);
    rmSync(path);
    const more = workers === null ? [] : ["--workers", String(workers)];
    this.#child = spawn(process.execPath, [CLI, "daemon", "--state", stateDirectory, ...more], {
      detached: true,
      stdio: ["ignore", this.#output, this.#output],
      cwd: "/",
    });
    this.#child.unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The daemon prints its failure as one line of JSON before it ends. */
  failure(): Failure {
    const text = this.#text();
    for (const line of text.split("\n").toReversed()) {
      try {
        const value = JSON.parse(line) as Failure;
        if (typeof value.code === "string") return value;
      } catch {
        // Not the line that is looked for.
      }
    }
    return {
      code: "ERR_DAEMON_UNREACHABLE",
      what: "The daemon did not start.",
      why: text.trim().slice(-1_000) || "It said nothing.",
    };
  }

  again(): DaemonStart {
    const next = new DaemonStart(this.#stateDirectory, this.#workers);
    this.close();
    return next;
  }

  close(): void {
    closeSync(this.#output);
  }

  /** From the start, and without moving the position at which the daemon writes. */
  #text(): string {
    const bytes = Buffer.alloc(fstatSync(this.#output).size);
    return bytes.toString("utf8", 0, readSync(this.#output, bytes, 0, bytes.length, 0));
  }
}
