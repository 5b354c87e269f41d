import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../base/log.ts";
import { rotateLarge } from "../platform/log-rotation.ts";

const EVERY_MS = 60_000;

/** Keeps Hitless' own logs small: the daemon's, the proxy's and the state servers'. Those of instances are the fleet's. */
export class LogKeeper {
  readonly #stateDirectory: string;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | null = null;

  constructor(stateDirectory: string, log: Logger) {
    this.#stateDirectory = stateDirectory;
    this.#log = log;
  }

  start(): void {
    this.#timer = setInterval(() => void this.rotate(), EVERY_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async rotate(): Promise<void> {
    const apps = join(this.#stateDirectory, "apps");
    const names = await readdir(apps).catch(() => []);
    const logs = names.map((app) => join(apps, app, "sessions", "server.log"));
    for (const path of [join(this.#stateDirectory, "daemon.log"), join(this.#stateDirectory, "proxy", "proxy.log"), ...logs]) {
      await rotateLarge(path).catch((error: unknown) => {
        this.#log.warn("a log could not be rotated", { path, error: String(error) });
      });
    }
  }
}
