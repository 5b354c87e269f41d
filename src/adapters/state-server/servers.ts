import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { StateServerSpec } from "../../core/sessions-spec.ts";
import type { SessionServers } from "../../ports/session-servers.ts";
import { StateServerKeeper, type KeeperOptions } from "./keeper.ts";
import { ServerFiles } from "./server-files.ts";

export interface StateServersOptions extends Omit<KeeperOptions, "app" | "files"> {
  readonly stateDirectory: string;
}

/** The state servers of all apps, each in `apps/<app>/sessions` of the state directory. */
export class StateServers implements SessionServers {
  readonly #options: StateServersOptions;
  readonly #apps: string;
  readonly #keepers = new Map<string, StateServerKeeper>();

  constructor(options: StateServersOptions) {
    this.#options = options;
    this.#apps = join(options.stateDirectory, "apps");
  }

  ensure(app: string, spec: StateServerSpec): Promise<string> {
    return this.#keeper(app).ensure(spec);
  }

  adapt(app: string, spec: StateServerSpec): Promise<string> {
    return this.#keeper(app).adapt(spec);
  }

  /** Takes up again those that ran before; nobody waits for them. */
  start(): void {
    for (const app of this.#known()) {
      this.#keeper(app)
        .resume()
        .catch((error: unknown) => {
          this.#options.log.error("the state server is not as it should be", { app, error: String(error) });
        });
    }
  }

  /** Leaves them running. */
  stop(): void {
    for (const keeper of this.#keepers.values()) keeper.stop();
  }

  /** Ends them all; the sessions stay on disk. */
  async end(): Promise<void> {
    await Promise.all(this.#known().map((app) => this.#keeper(app).end()));
  }

  #known(): readonly string[] {
    if (!existsSync(this.#apps)) return [];
    return readdirSync(this.#apps).filter((app) => this.#files(app).record() !== null);
  }

  #keeper(app: string): StateServerKeeper {
    const known = this.#keepers.get(app);
    if (known !== undefined) return known;
    const { stateDirectory: _, ...options } = this.#options;
    const keeper = new StateServerKeeper({ ...options, app, files: this.#files(app) });
    this.#keepers.set(app, keeper);
    return keeper;
  }

  #files(app: string): ServerFiles {
    return new ServerFiles(join(this.#apps, app, "sessions"));
  }
}
