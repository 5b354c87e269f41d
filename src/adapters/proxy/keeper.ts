import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { SuccessorProgram, UpgradeOutcome } from "../../api/proxy-control.ts";
import { HitlessError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { isAlive } from "../../platform/process-id.ts";
import type { ProxyTraffic } from "./traffic.ts";

export interface KeeperOptions {
  readonly stateDirectory: string;
  readonly version: string;
  readonly workers: number | null;
  readonly traffic: ProxyTraffic;
  readonly log: Logger;
  /** Whether this daemon is the one that sees to the proxy. */
  readonly mayAct: () => boolean;
}

const START_LIMIT_MS = 10_000;
/** A new generation on a busy machine; until it is ready the old one serves, so there is no hurry. */
const READY_LIMIT_MS = 30_000;
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
  #upgrading: Promise<UpgradeOutcome> | null = null;

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

  /** True if the running proxy is of another version than this program. */
  async isOutdated(): Promise<boolean> {
    return (await this.#options.traffic.status()).version !== this.#options.version;
  }

  /**
   * Replaces the running proxy by a new generation of this program's version, on the same sockets; the old one may finish for `drainMs`.
   * Asked for while one is under way, that one is waited for. @throws ERR_PROXY_UPGRADE, ERR_PROXY_UNREACHABLE
   */
  upgrade(drainMs: number): Promise<UpgradeOutcome> {
    this.#upgrading ??= this.#upgrade(drainMs).finally(() => {
      this.#upgrading = null;
    });
    return this.#upgrading;
  }

  /** Leaves the proxy running. */
  stop(): void {
    if (this.#watching !== null) clearInterval(this.#watching);
    this.#watching = null;
  }

  /** Ends the proxy; its clients get `drainMs` to finish. */
  async end(drainMs: number): Promise<void> {
    this.stop();
    await this.#upgrading?.catch(() => undefined);
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
    const { log, stateDirectory, mayAct } = this.#options;
    // A daemon that another has taken over from must not start a second proxy.
    if (!mayAct()) return;
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
    await this.#options.traffic.restore().catch((error: unknown) => {
      log.error("a proxy that was started anew did not take the tables it had before", { error: String(error) });
    });
  }

  async #upgrade(drainMs: number): Promise<UpgradeOutcome> {
    const outcome = await this.#options.traffic.upgrade({ program: this.#program(), readyMs: READY_LIMIT_MS, drainMs });
    this.#options.log.info("the proxy was upgraded", { ...outcome });
    return outcome;
  }

  #program(): SuccessorProgram {
    const { stateDirectory, version, workers } = this.#options;
    const more = workers === null ? [] : ["--workers", String(workers)];
    const args = [...HOLDER_FLAGS, MAIN, "--state", stateDirectory, "--version", version, ...more];
    return { command: process.execPath, args, version };
  }

  #spawn(logPath: string): number {
    const output = openSync(logPath, "a", 0o600);
    const { command, args } = this.#program();
    const child = spawn(command, args, {
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
