import type { ReaderLimits } from "../resp/command-reader.ts";
import type { SyncPolicy } from "../log/log.ts";
import type { SessionAddress } from "./listen-address.ts";
import type { TlsFiles } from "./listeners.ts";

/** How a state server works; everything has been checked. */
export interface StateServerSettings {
  readonly directory: string;
  readonly listen: readonly SessionAddress[];
  readonly passwords: readonly string[];
  readonly tls: TlsFiles | null;
  readonly policy: SyncPolicy;
  /** Bytes. */
  readonly memoryMax: number;
  readonly clientsMax: number;
  readonly version: string;
}

/** A single value; Redis allows 512 MiB, which no session needs. */
const VALUE_MAX = 64 * 1_048_576;

export const LIMITS: ReaderLimits = { argumentBytesMax: VALUE_MAX, commandBytesMax: 2 * VALUE_MAX };
/** A log that is smaller is not worth compacting. */
export const COMPACT_ABOVE = 64 * 1_048_576;
/** Has nothing read of its answers for so long. */
export const STUCK_MS = 60_000;
/** Without the password nobody stays. */
export const SIGN_IN_MS = 30_000;

/** What CONFIG GET shows. */
export function redisSettings(settings: StateServerSettings): ReadonlyMap<string, string> {
  return new Map([
    ["appendfsync", settings.policy],
    ["appendonly", "yes"],
    ["databases", "16"],
    ["dir", settings.directory],
    ["maxclients", String(settings.clientsMax)],
    ["maxmemory", String(settings.memoryMax)],
    ["maxmemory-policy", "noeviction"],
    ["notify-keyspace-events", ""],
    ["proto-max-bulk-len", String(VALUE_MAX)],
    ["save", ""],
    ["tcp-keepalive", "300"],
    ["timeout", "0"],
  ]);
}
