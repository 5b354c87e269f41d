import { join } from "node:path";
import type { AppliedRoutes, ProxyStatus, UpgradeOutcome, UpgradeRequest } from "../../api/proxy-control.ts";
import { call, type CallOptions } from "../../api/transport/call.ts";
import type { ReleaseName } from "../../base/names.ts";
import type { HealthSpec } from "../../core/app-spec.ts";
import type { MirrorFigures, MirrorRequest } from "../../core/judging/mirror.ts";
import type { RecordedRequest } from "../../core/statelessness/recording.ts";
import type { LedgerSnapshot } from "../../core/ledger.ts";
import type { AppTraffic, DrainLimits, DrainOutcome, ProbeOutcome, RouteTable } from "../../core/routes.ts";
import type { TlsSpec } from "../../core/tls.ts";
import type { LedgerQuery, Traffic } from "../../ports/traffic.ts";

type Options = Omit<CallOptions, "unreachable">;

/** The directory with a release's files, as an absolute path. */
type TreeOf = (app: string, release: ReleaseName) => string;

/** The proxy on this machine, over its control socket. */
export class ProxyTraffic implements Traffic {
  readonly #socket: string;
  readonly #applied = new Map<string, RouteTable>();

  readonly #treeOf: TreeOf | null;

  /** Without `treeOf` tables go as they are. */
  constructor(stateDirectory: string, treeOf: TreeOf | null = null) {
    this.#socket = controlSocket(stateDirectory);
    this.#treeOf = treeOf;
  }

  async apply(table: RouteTable): Promise<void> {
    await this.#call<AppliedRoutes>(`/apps/${table.app}/routes`, { method: "PUT", body: this.#withTrees(table) });
    this.#applied.set(table.app, table);
  }

  async checkTls(tls: TlsSpec): Promise<readonly string[]> {
    const { problems } = await this.#call<{ problems: readonly string[] }>("/tls/check", { method: "POST", body: tls });
    return problems;
  }

  /** For a proxy that was started anew and may have lost what it had saved: the last tables once more. */
  async restore(): Promise<void> {
    const saved = new Map((await this.status()).apps.map((app) => [app.app, app]));
    for (const table of this.#applied.values()) {
      const known = saved.get(table.app);
      if (known?.epoch !== table.epoch || known.revision !== table.revision) await this.apply(table);
    }
  }

  async remove(app: string, epoch: number): Promise<void> {
    this.#applied.delete(app);
    await this.#call(`/apps/${app}`, { method: "DELETE", body: { epoch } });
  }

  async drain(app: string, instances: readonly string[], limits: DrainLimits, signal?: AbortSignal): Promise<DrainOutcome> {
    return this.#call(`/apps/${app}/drain`, {
      method: "POST",
      body: { instances, timeoutMs: limits.requestsMs, tunnelsMs: limits.tunnelsMs },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async quiet(app: string, signal?: AbortSignal): Promise<boolean> {
    const { quiet } = await this.#call<{ quiet: boolean }>(`/apps/${app}/quiet`, {
      method: "POST",
      body: {},
      ...(signal === undefined ? {} : { signal }),
    });
    return quiet;
  }

  async mirror(app: string, request: MirrorRequest, signal: AbortSignal): Promise<MirrorFigures> {
    const options = { method: "POST", body: request, signal } as const;
    return (await this.#call<{ figures: MirrorFigures }>(`/apps/${app}/mirror`, options)).figures;
  }

  /** Live requests that change nothing, so long or until the signal. They hold cookies: for this process' memory alone. */
  async record(app: string, forMs: number, signal: AbortSignal): Promise<readonly RecordedRequest[]> {
    const options = { method: "POST", body: { forMs }, signal } as const;
    return (await this.#call<{ requests: readonly RecordedRequest[] }>(`/apps/${app}/record`, options)).requests;
  }

  async probe({ host, port }: { host: string; port: number }, health: HealthSpec, signal: AbortSignal): Promise<ProbeOutcome> {
    return this.#call("/probe", { method: "POST", body: { host, port, health }, signal });
  }

  async ledger(app: string, { at, slowestSince }: LedgerQuery = {}): Promise<LedgerSnapshot | null> {
    const given = Object.entries({ at, since: slowestSince }).filter(([, value]) => value !== undefined);
    const query = given.length === 0 ? "" : `?${given.map(([name, value]) => `${name}=${String(value)}`).join("&")}`;
    const { ledger } = await this.#call<{ ledger: LedgerSnapshot | null }>(`/apps/${app}/ledger${query}`, {});
    return ledger;
  }

  async present(app: string): Promise<AppTraffic | null> {
    const status = await this.status();
    return status.apps.find((known) => known.app === app) ?? null;
  }

  status(): Promise<ProxyStatus> {
    return this.#call("/status", {});
  }

  /** In the Prometheus text format. */
  async metrics(): Promise<string> {
    return (await this.#call<{ text: string }>("/metrics", {})).text;
  }

  /** Resolves when the new generation serves. @throws ERR_PROXY_UPGRADE, ERR_PROXY_UNREACHABLE */
  upgrade(request: UpgradeRequest): Promise<UpgradeOutcome> {
    return this.#call("/upgrade", { method: "POST", body: request });
  }

  async shutdown(drainMs: number): Promise<void> {
    await this.#call("/shutdown", { method: "POST", body: { drainMs } });
  }

  #withTrees(table: RouteTable): RouteTable {
    const { app, assets } = table;
    const treeOf = this.#treeOf;
    if (assets === undefined || treeOf === null) return table;
    return { ...table, assets: assets.map((source) => ({ ...source, tree: treeOf(app, source.release) })) };
  }

  #call<T>(path: string, options: Options): Promise<T> {
    return call(this.#socket, path, {
      ...options,
      unreachable: {
        code: "ERR_PROXY_UNREACHABLE",
        what: `The proxy does not answer on ${this.#socket}.`,
        next: "The daemon starts it again by itself; its log is proxy/proxy.log in the state directory.",
      },
    });
  }
}

export function controlSocket(stateDirectory: string): string {
  return join(stateDirectory, "proxy", "control.sock");
}
