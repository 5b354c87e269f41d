import { hostAndPort } from "../../base/host-and-port.ts";
import type { InfoSection } from "../commands/server-facts.ts";
import { REDIS_VERSION } from "../commands/info.ts";
import type { Store } from "../store.ts";
import type { SessionAddress } from "./listen-address.ts";
import type { StateServerSettings } from "./settings.ts";

/** What of the server is told. */
interface Described {
  readonly settings: StateServerSettings;
  readonly store: Store;
  readonly startedAt: number;
  readonly connections: ReadonlySet<unknown>;
  readonly accepted: number;
  readonly commands: number;
  readonly failedUpgrades: number;
  readonly listeners: { readonly addresses: readonly SessionAddress[] };
}

/** INFO, with the names by which Redis' tools know things. */
export function infoSections(server: Described): readonly InfoSection[] {
  const { settings, store } = server;
  const [memory, cpu] = [process.memoryUsage(), process.cpuUsage()];
  return [
    ["Server", serverLines(server)],
    [
      "Clients",
      [
        ["connected_clients", server.connections.size],
        ["maxclients", settings.clientsMax],
        ["blocked_clients", 0],
      ],
    ],
    [
      "Memory",
      [
        ["used_memory", store.keyspace.used],
        ["used_memory_rss", memory.rss],
        ["used_memory_dataset", store.keyspace.used],
        ["maxmemory", settings.memoryMax],
        ["maxmemory_policy", "noeviction"],
      ],
    ],
    [
      "Persistence",
      [
        ["loading", 0],
        ["aof_enabled", 1],
        ["aof_rewrite_in_progress", Number(store.isCompacting)],
        ["aof_last_write_status", store.log.unwritable === null ? "ok" : "err"],
        ["aof_current_size", store.logBytes],
      ],
    ],
    [
      "Stats",
      [
        ["total_connections_received", server.accepted],
        ["total_commands_processed", server.commands],
        ["expired_keys", store.keyspace.expired],
        ["evicted_keys", 0],
      ],
    ],
    [
      "Replication",
      [
        ["role", "master"],
        ["connected_slaves", 0],
      ],
    ],
    [
      "CPU",
      [
        ["used_cpu_sys", cpu.system / 1_000_000],
        ["used_cpu_user", cpu.user / 1_000_000],
      ],
    ],
  ];
}

function serverLines(server: Described): InfoSection[1] {
  const seconds = Math.floor((Date.now() - server.startedAt) / 1000);
  return [
    ["redis_version", REDIS_VERSION],
    ["redis_mode", "standalone"],
    ["hitless_version", server.settings.version],
    ["hitless_failed_upgrades", server.failedUpgrades],
    ["hitless_asp_net", aspNetOf(server)],
    ["process_id", process.pid],
    ["uptime_in_seconds", seconds],
    ["uptime_in_days", Math.floor(seconds / 86_400)],
  ];
}

function aspNetOf({ listeners }: Described): string {
  const address = listeners.addresses.find(({ kind }) => kind === "asp.net");
  return address === undefined || address.kind === "unix" ? "" : hostAndPort(address);
}
