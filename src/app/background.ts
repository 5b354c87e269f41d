import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
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
  const outputPath = join(stateDirectory, "daemon.out");
  let child = start(stateDirectory, workers, outputPath);
  const until = Date.now() + START_LIMIT_MS;
  for (;;) {
    const info = await daemonInfo(stateDirectory);
    if (info !== null) {
      rmSync(outputPath, { force: true });
      return { info, fresh: info.pid === child.pid };
    }
    // Another `hitless up` may have been a moment faster: its daemon will answer soon. Or the one that runs hangs: its lease will run out.
    if (child.exitCode !== null || child.signalCode !== null) {
      const failure = startFailure(outputPath);
      if (failure.code !== "ERR_DAEMON_RUNNING" || Date.now() > until) throw new HitlessError(failure);
      await sleep(AGAIN_MS);
      if ((await daemonInfo(stateDirectory)) === null) child = start(stateDirectory, workers, outputPath);
    }
    if (Date.now() > until) throw new HitlessError(startFailure(outputPath));
    await sleep(POLL_MS);
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

function start(stateDirectory: string, workers: number | null, outputPath: string): ReturnType<typeof spawn> {
  const output = openSync(outputPath, "w", 0o600);
  const more = workers === null ? [] : ["--workers", String(workers)];
  const child = spawn(process.execPath, [CLI, "daemon", "--state", stateDirectory, ...more], {
    detached: true,
    stdio: ["ignore", output, output],
    cwd: "/",
  });
  child.unref();
  closeSync(output);
  return child;
}

/** The daemon prints its failure as one line of JSON before it ends. */
function startFailure(outputPath: string): Failure {
  const text = readText(outputPath);
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

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
