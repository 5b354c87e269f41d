import { loadAppName, loadConfig, type LoadedConfig } from "../config/load.ts";
import { HitlessError } from "../base/error.ts";
import { DaemonClient } from "./client.ts";
import type { CliHost } from "./host.ts";
import type { Output } from "./output.ts";

/** Options that every command takes. */
export interface CommonOptions {
  readonly state?: string;
  readonly app?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** One run of one command: what it was called with, and whom it talks to. */
export class Session {
  readonly host: CliHost;
  readonly output: Output;
  readonly options: CommonOptions;
  readonly stateDirectory: string;
  readonly client: DaemonClient;

  constructor(host: CliHost, output: Output, options: CommonOptions) {
    this.host = host;
    this.output = output;
    this.options = options;
    this.stateDirectory = options.state ?? host.defaultStateDirectory();
    this.client = new DaemonClient(this.stateDirectory, host.operator);
  }

  get wantsJson(): boolean {
    return this.options.json === true;
  }

  config(): Promise<LoadedConfig> {
    return loadConfig({ directory: this.host.cwd, file: this.options.config ?? null, env: this.host.env });
  }

  /** As named, else that of the configuration here, else the only one the daemon knows. */
  async app(): Promise<string> {
    if (this.options.app !== undefined) return this.options.app;
    try {
      return await loadAppName({ directory: this.host.cwd, file: this.options.config ?? null, env: this.host.env });
    } catch (error) {
      if (!(error instanceof HitlessError) || error.code !== "ERR_CONFIG_NOT_FOUND" || this.options.config !== undefined)
        throw error;
    }
    const apps = (await this.client.apps()).map((status) => status.app);
    const [only] = apps;
    if (only !== undefined && apps.length === 1) return only;
    throw new HitlessError({
      code: "ERR_USAGE",
      what: "Which app?",
      why:
        apps.length === 0 ? "The daemon knows none, and there is no configuration here." : `The daemon knows ${apps.join(", ")}.`,
      next: "Name it with --app, or go to its directory.",
    });
  }
}
