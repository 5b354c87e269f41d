import type { ListenAddress } from "./listen-address.ts";

/** Where the app keeps its sessions. A store of the app's own is in the environment of its processes, as it may hold a password. */
export interface SessionsSpec {
  /** The state server that the daemon runs for the app. Absent: the app has a store of its own. */
  readonly server?: StateServerSpec | undefined;
  /** Another variable that holds the URL too. Absent: none. */
  readonly variable?: string | undefined;
}

export interface StateServerSpec {
  /** For keys and values. */
  readonly memoryBytes: number;
  readonly fsync: FsyncPolicy;
  /** Where web servers come that speak the ASP.NET State Server Protocol. Absent: it is not spoken. */
  readonly aspNet?: ListenAddress | undefined;
}

export const FSYNC_POLICIES = ["always", "everysec"] as const;
export type FsyncPolicy = (typeof FSYNC_POLICIES)[number];

/** For a state server that no configuration describes, as one that is begun by a move; a later deployment may say otherwise. */
export const USUAL_SERVER: StateServerSpec = { memoryBytes: 2 ** 30, fsync: "always" };
