import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { HitlessError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { ProxyTraffic } from "./traffic.ts";

export interface KeeperOptions {
  readonly stateDirectory: string;
  readonly version: string;
  readonly workers: number | null;
  readonly traffic: ProxyTraffic;
  readonly log: Logger;
}

const START_LIMIT_MS = 10_000;
const POLL_MS = 20;
const WATCH_MS = 500;
/** The holder makes little garbage, but steadily: with V8's own choice its young generation alone would grow to 100 MiB. */
const HOLDER_FLAGS = ["--max-semi-space-size=4"];
const MAIN = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../proxy/main.ts" : "../../proxy/main.js", import.meta.url),
);

/** Sees to it that a proxy runs. The proxy is a program of its own: it goes on when the daemon ends, and is found again. */
export class ProxyKeeper {
  readonly #options: KeeperOptions;
  #watching: NodeJS.Timeout | null = null;
  #starting: Promise<void> | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Finds the running proxy or starts one, and starts it again whenever it is gone. @throws ERR_PROXY_UNREACHABLE */
  async start(): Promise<void> {
    await this.#ensure();
    this.#watching = setInterval(() => {
      this.#ensure().catch((error: unknown) => {
        this.#options.log.error("the proxy cannot be started", { error: String(error) });
      });
    }, WATCH_MS);
  }

  /** Leaves the proxy running. */
  stop(): void {
    if (this.#watching !== null) clearInterval(this.#watching);
    this.#watching = null;
  }

  /** Ends the proxy; its clients get `drainMs` to finish. */
  async end(drainMs: number): Promise<void> {
    this.stop();
    if (!(await this.#answers())) return;
    const { pid } = await this.#options.traffic.status();
    await this.#options.traffic.shutdown(drainMs);
    const until = Date.now() + drainMs + START_LIMIT_MS;
    while (isAlive(pid) && Date.now() < until) await sleep(POLL_MS);
  }

  #ensure(): Promise<void> {
    this.#starting ??= this.#startIfGone().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #startIfGone(): Promise<void> {
    if (await this.#answers()) return;
    const { log, stateDirectory } = this.#options;
    const directory = join(stateDirectory, "proxy");
    const logPath = join(directory, "proxy.log");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const pid = this.#spawn(logPath);
    log.info("the proxy was started", { pid });
    const until = Date.now() + START_LIMIT_MS;
    while (!(await this.#answers())) {
      if (Date.now() > until || !isAlive(pid)) {
        throw new HitlessError({
          code: "ERR_PROXY_UNREACHABLE",
          what: "The proxy did not start.",
          next: `Its log is ${logPath}.`,
        });
      }
      await sleep(POLL_MS);
    }
  }

  #spawn(logPath: string): number {
    const { stateDirectory, version, workers } = this.#options;
    const output = openSync(logPath, "a", 0o600);
    const more = workers === null ? [] : ["--workers", String(workers)];
    const child = spawn(process.execPath, [...HOLDER_FLAGS, MAIN, "--state", stateDirectory, "--version", version, ...more], {
      detached: true,
      stdio: ["ignore", output, output],
      cwd: "/",
    });
    child.on("error", () => undefined);
    child.unref();
    closeSync(output);
    return child.pid ?? 0;
  }

  async #answers(): Promise<boolean> {
    try {
      await this.#options.traffic.status();
      return true;
    } catch {
      return false;
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
