import type { StateServerSpec } from "../core/sessions-spec.ts";

/**
 * The state servers of apps that keep their sessions with Hitless: programs of their own, which outlive the daemon. Both calls give the server's URL, which never
 * changes, and are safe to repeat.
 */
export interface SessionServers {
  /** It runs: as it did before, or as `spec` says if it is the first time. @throws ERR_STATE_SERVER_UNREACHABLE */
  ensure(app: string, spec: StateServerSpec): Promise<string>;
  /** It runs as `spec` says: one that does not is replaced without a lost command. @throws ERR_STATE_SERVER_UNREACHABLE, ERR_STATE_SERVER_UPGRADE */
  adapt(app: string, spec: StateServerSpec): Promise<string>;
}
