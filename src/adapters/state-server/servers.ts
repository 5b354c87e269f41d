import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { StateServerSpec } from "../../core/sessions-spec.ts";
import type { RestingServers, ServerUse, SessionServers } from "../../ports/session-servers.ts";
import { StateServerKeeper, type KeeperOptions } from "./keeper.ts";
import { ServerFiles, type ServerRecord } from "./server-files.ts";

export interface StateServersOptions extends Omit<KeeperOptions, "app" | "files"> {
  readonly stateDirectory: string;
}

/** The state servers of all apps, each in `apps/<app>/sessions` of the state directory. */
export class StateServers implements SessionServers, RestingServers {
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

  awake(): readonly string[] {
    return this.#known().filter((app) => this.record(app)?.endedAt === undefined);
  }

  use(app: string): Promise<ServerUse | null> {
    return this.#keeper(app).use();
  }

  rest(app: string, visits: number): Promise<boolean> {
    return this.#keeper(app).rest(visits);
  }

  /** Null: the app never had one. */
  record(app: string): ServerRecord | null {
    return this.#files(app).record();
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
    return readdirSync(this.#apps).filter((app) => this.record(app) !== null);
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
