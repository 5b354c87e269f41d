import type { ProxyAppStatus } from "../../api/proxy-control.ts";
import type { RouteTable } from "../../core/routes.ts";
import type { AppCertificates } from "./app-certificates.ts";
import type { AppListeners } from "./app-listeners.ts";
import type { HealthChecks } from "./health-checks.ts";
import type { AppBook } from "./ledger-book.ts";

/** Where what is known of an app stands. */
export interface AppSources {
  readonly book: AppBook;
  readonly health: HealthChecks;
  readonly listeners: AppListeners;
  readonly certificates: AppCertificates;
  readonly warnings: readonly string[];
}

/** What the proxy knows of one app at the moment. */
export function appStatus(table: RouteTable, { book, health, listeners, certificates, warnings }: AppSources): ProxyAppStatus {
  const { app, epoch, revision } = table;
  const down = new Set(health.down(app));
  const reaches = table.pools.flatMap(({ release, targets }) => targets.map((target) => ({ release, ...target })));
  return {
    app,
    epoch,
    revision,
    listen: listeners.address(app, "plain") ?? table.listen,
    tls:
      table.tls === null
        ? null
        : {
            listen: listeners.address(app, "secure") ?? table.tls.listen,
            certificates: certificates.status(app, Date.now()),
          },
    targets: reaches.map(({ instance, release, host, port, protocol, proxyProtocol }) => ({
      instance,
      state: down.has(instance) ? "down" : "up",
      inFlight: book.inFlightOf(instance),
      requests: book.requestsOf(instance),
      lastFailure: health.lastFailure(app, instance),
      reached: { release, host, port, protocol, proxyProtocol },
    })),
    held: book.held,
    sessions: book.sessions.all(),
    warnings,
  };
}
