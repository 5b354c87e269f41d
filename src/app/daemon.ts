import type { Server } from "node:http";
import { join } from "node:path";
import { systemClock } from "../adapters/clock/system.ts";
import { nodeHttp } from "../adapters/http/node-http.ts";
import type { ProxyKeeper } from "../adapters/proxy/keeper.ts";
import type { ProxyTraffic } from "../adapters/proxy/traffic.ts";
import type { StateServers } from "../adapters/state-server/servers.ts";
import { SqliteStore } from "../adapters/sqlite/store.ts";
import type { DaemonInfo, ShutdownRequest } from "../api/daemon.ts";
import { daemonSocket } from "../api/transport/paths.ts";
import { serve } from "../api/transport/serve.ts";
import type { SessionsStatus } from "../api/sessions.ts";
import type { HitlessError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { AppState } from "../core/state.ts";
import type { Engine } from "../engine/engine.ts";
import { verifyLive, type LivePorts } from "../engine/statelessness/verify-live.ts";
import type { ProxyControl, ServerContext } from "../server/context.ts";
import { daemonRoutes } from "../server/routes.ts";
import { DaemonLease, LEASE_MS } from "./daemon-lease.ts";
import { sessionsStatus } from "./sessions.ts";
import { daemonParts } from "./daemon-parts.ts";
import { createLogger } from "./logger.ts";
import { prepareStateDirectory } from "./state-directory.ts";
import { suspendAll } from "./suspend-all.ts";
import { VERSION } from "./version.ts";

export interface DaemonOptions {
  readonly stateDirectory: string;
  /** Log to standard error instead of `daemon.log`: for a terminal or a service manager. */
  readonly foreground: boolean;
  /** Proxy workers; null lets the proxy choose. */
  readonly workers: number | null;
  /** Milliseconds after its last sign of life at which a daemon that hangs may be replaced; null: the usual ones. */
  readonly leaseMs: number | null;
}

const CLIENT_DRAIN_MS = 1_000;
/** Above the 75 s of an idle client connection: none is closed sooner than it was told. WebSockets linger as long. */
const GENERATION_DRAIN_MS = 90_000;

/**
 * Runs the control plane in this process until it is told to end: by the API, or by SIGTERM or SIGINT, which leave proxy and instances
 * serving. Resolves when it has ended.
 * @throws ERR_STATE_DIRECTORY, ERR_DAEMON_RUNNING, ERR_PROXY_UNREACHABLE
 */
export async function runDaemon({ stateDirectory, foreground, workers, leaseMs }: DaemonOptions): Promise<void> {
  prepareStateDirectory(stateDirectory);
  const store = new SqliteStore(stateDirectory);
  const right = await DaemonLease.wanted(stateDirectory, store, leaseMs ?? LEASE_MS);
  const log = createLogger(foreground ? null : join(stateDirectory, "daemon.log"), "daemon");
  const startedAt = Date.now();
  const parts = daemonParts({ stateDirectory, store, leaseRules: right.rules, workers, log });
  const { lease, keeper, servers, engine, contracts, steps, logs, traffic, fleet, releases, moveBook, moves, serverRest } = parts;
  const ended = Promise.withResolvers<undefined>();
  const watching = new AbortController();
  await lease.take();
  right.whenTaken();
  await keeper.start();
  servers.start();
  await moveBook.load();
  await engine.start();
  void parts.health.run(watching.signal);
  contracts.start();
  logs.start();
  await steps.start();
  moves.start();
  serverRest.start();
  const proxy = proxyControl(traffic, keeper);
  const sessions = (state: AppState, prefix: string): Promise<SessionsStatus> =>
    sessionsStatus({ releases, moves: moveBook, servers }, state, prefix);
  const info = (): Promise<DaemonInfo> => describe(traffic, { startedAt, stateDirectory });
  const shutdown = async (request: ShutdownRequest): Promise<void> => {
    log.info("the daemon was asked to end", { by: request.by, instances: request.instances });
    if (request.instances === "stop") await stopServing(request.by, { engine, keeper, servers });
    setImmediate(() => {
      ended.resolve(undefined);
    });
  };
  const context = {
    engine,
    steps: steps.desk,
    traffic,
    stateDirectory,
    log,
    now: Date.now,
    proxy,
    sessions,
    sessionMoves: moves,
    verifyStateless: verification(engine, traffic),
    contracts,
    info,
    shutdown,
  };
  const server = await serve(daemonSocket(stateDirectory), daemonRoutes(context), log, { replace: true });
  onEndSignal(log, ended.resolve);
  void upgradeIfOutdated(keeper, log);
  log.info("the daemon is ready", { version: VERSION, stateDirectory, apps: engine.apps() });

  await untilEnded(ended.promise, lease.lost, log);
  watching.abort();
  contracts.stop();
  logs.stop();
  moves.stop();
  serverRest.stop();
  await steps.stop();
  keeper.stop();
  servers.stop();
  await engine.close();
  fleet.close();
  await closed(server);
  await lease.end();
  store.close();
  right.release();
}

function verification(engine: Engine, traffic: ProxyTraffic): ServerContext["verifyStateless"] {
  const record: LivePorts["record"] = (app, forMs, signal) => traffic.record(app, forMs, signal);
  return (state, request, signal) =>
    verifyLive({ http: nodeHttp, clock: systemClock, signal, engine, traffic, record }, state, request);
}

async function describe(traffic: ProxyTraffic, known: Pick<DaemonInfo, "startedAt" | "stateDirectory">): Promise<DaemonInfo> {
  const { pid: proxyPid = null, version: proxyVersion = null } = (await traffic.status().catch(() => null)) ?? {};
  return { version: VERSION, pid: process.pid, ...known, proxyPid, proxyVersion };
}

/** Callers get a moment for what they are being told. */
function closed(server: Server): Promise<unknown> {
  return new Promise((resolve) => {
    server.close(resolve);
    setTimeout(() => {
      server.closeAllConnections();
    }, 200);
  });
}

interface Serving {
  readonly engine: Engine;
  readonly keeper: ProxyKeeper;
  readonly servers: StateServers;
}

async function stopServing(by: string, { engine, keeper, servers }: Serving): Promise<void> {
  await suspendAll(engine, by);
  await keeper.end(CLIENT_DRAIN_MS);
  await servers.end();
}

/** @throws what `lost` resolves with, when another daemon has taken over */
async function untilEnded(ended: Promise<undefined>, lost: Promise<HitlessError>, log: Logger): Promise<void> {
  const takenOver = await Promise.race([ended, lost]);
  if (takenOver !== undefined) {
    // Socket, lock and what they stand for are the other one's now: nothing is tidied up.
    log.error("another daemon has taken over; this one ends", { error: takenOver.message });
    throw takenOver;
  }
}

function onEndSignal(log: Logger, end: (value: undefined) => void): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      log.info("the daemon ends; proxy and instances go on", { signal });
      end(undefined);
    });
  }
  process.on("SIGHUP", () => undefined);
}

function proxyControl(traffic: ProxyTraffic, keeper: ProxyKeeper): ProxyControl {
  return {
    status: () => traffic.status(),
    metrics: () => traffic.metrics(),
    upgrade: (drainMs) => keeper.upgrade(drainMs ?? GENERATION_DRAIN_MS),
  };
}

/** The proxy outlives the daemon: after an update of Hitless the old one still runs. It serves, so a failure is no reason to end. */
async function upgradeIfOutdated(keeper: ProxyKeeper, log: Logger): Promise<void> {
  try {
    if (await keeper.isOutdated()) await keeper.upgrade(GENERATION_DRAIN_MS);
  } catch (error) {
    log.error("the running proxy is of another version and could not be upgraded", { error: String(error) });
  }
}
