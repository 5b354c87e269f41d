import type { StateServerSpec } from "../core/sessions-spec.ts";

/**
 * The state servers of apps that keep their sessions with Hitless: programs of their own, which outlive the daemon. Both calls give the server's URL, which never
 * changes, and are safe to repeat. One that was laid to rest is started again.
 */
export interface SessionServers {
  /** It runs: as it did before, or as `spec` says if it is the first time. @throws ERR_STATE_SERVER_UNREACHABLE */
  ensure(app: string, spec: StateServerSpec): Promise<string>;
  /** It runs as `spec` says: one that does not is replaced without a lost command. @throws ERR_STATE_SERVER_UNREACHABLE, ERR_STATE_SERVER_UPGRADE */
  adapt(app: string, spec: StateServerSpec): Promise<string>;
}

/** Laying those to rest that nobody needs. */
export interface RestingServers {
  /** Apps whose state server was not laid to rest. */
  awake(): readonly string[];
  /** Null: not known just now, as it is being started or replaced. */
  use(app: string): Promise<ServerUse | null>;
  /** Ends it and says so on disk, unless it is in use or somebody has come since `visits` was read; its sessions stay. Whether it has been ended. */
  rest(app: string, visits: number): Promise<boolean>;
}

export interface ServerUse {
  /** Somebody beside the daemon is connected, or web servers may come for ASP.NET sessions at any time. */
  readonly inUse: boolean;
  /** Another number whenever somebody has come meanwhile: a client, or who had the daemon see to it that it runs. */
  readonly visits: number;
}
