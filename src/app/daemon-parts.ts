import { randomUUID } from "node:crypto";
import { systemClock } from "../adapters/clock/system.ts";
import { nodeHttp } from "../adapters/http/node-http.ts";
import { ProcessFleet } from "../adapters/process/fleet.ts";
import { ProcessJobs } from "../adapters/process/jobs.ts";
import { ProxyKeeper } from "../adapters/proxy/keeper.ts";
import { ProxyTraffic } from "../adapters/proxy/traffic.ts";
import { SessionMoveFiles } from "../adapters/session-moves/file-store.ts";
import { SnapshotReleases } from "../adapters/snapshot/releases.ts";
import type { SqliteStore } from "../adapters/sqlite/store.ts";
import type { StateServers } from "../adapters/state-server/servers.ts";
import type { Logger } from "../base/log.ts";
import type { ContractKeeper } from "../engine/database/contract-keeper.ts";
import { Engine } from "../engine/engine.ts";
import { HealthWatch } from "../engine/health-watch.ts";
import { LeaseKeeper, type LeaseRules } from "../engine/lease.ts";
import { MoveBook } from "../engine/sessions/move-book.ts";
import { ServerRest } from "../engine/sessions/server-rest.ts";
import { SessionMoves } from "../engine/sessions/session-moves.ts";
import { SessionReleases } from "../engine/sessions/session-releases.ts";
import { contractKeeper, withDatabase } from "./database.ts";
import { LogKeeper } from "./log-keeper.ts";
import { sessionStores } from "./session-stores.ts";
import { stateServers } from "./sessions.ts";
import { stepParts, type StepParts } from "./steps.ts";
import { VERSION } from "./version.ts";

export interface DaemonGround {
  readonly stateDirectory: string;
  readonly store: SqliteStore;
  readonly leaseRules: LeaseRules;
  /** Proxy workers; null lets the proxy choose. */
  readonly workers: number | null;
  readonly log: Logger;
}

/** What the daemon starts, in this order where it matters, and stops again. */
export interface DaemonParts {
  readonly lease: LeaseKeeper;
  readonly keeper: ProxyKeeper;
  readonly servers: StateServers;
  readonly engine: Engine;
  readonly health: HealthWatch;
  readonly contracts: ContractKeeper;
  readonly steps: StepParts;
  readonly logs: LogKeeper;
  readonly traffic: ProxyTraffic;
  readonly fleet: ProcessFleet;
  readonly releases: SessionReleases;
  /** Read before the engine starts: instances must be told where their sessions are. */
  readonly moveBook: MoveBook;
  readonly moves: SessionMoves;
  readonly serverRest: ServerRest;
}

/** The engine and everything it acts through, wired; nothing has been started. */
export function daemonParts({ stateDirectory, store, leaseRules, workers, log }: DaemonGround): DaemonParts {
  const lease = new LeaseKeeper(store, { clock: systemClock, log }, leaseRules);
  const mayAct = (): boolean => lease.isHeld();
  const snapshots = new SnapshotReleases({ stateDirectory, now: Date.now, buildEnvironment: process.env });
  const traffic = new ProxyTraffic(stateDirectory, (app, release) => snapshots.tree(app, release));
  const fleet = new ProcessFleet(stateDirectory, log, store);
  const servers = stateServers({ stateDirectory, version: VERSION, log, mayAct });
  const databases = withDatabase(snapshots, systemClock, { engine: () => engine, traffic });
  const moveBook = new MoveBook(new SessionMoveFiles(stateDirectory), () => lease.held());
  const releases = new SessionReleases(databases, servers, moveBook);
  const jobs = new ProcessJobs(stateDirectory);
  const engine: Engine = new Engine(store, { clock: systemClock, fleet, traffic, releases, jobs, http: nodeHttp, log }, lease);
  // A daemon that another has taken over from must not contract a database that the other goes back to.
  const view = { apps: () => (mayAct() ? engine.apps() : []), state: (app: string) => engine.state(app) };
  const moveParts = { clock: systemClock, book: moveBook, stores: sessionStores, engine, mayAct, log };
  return {
    lease,
    keeper: new ProxyKeeper({ stateDirectory, version: VERSION, workers, traffic, log, mayAct }),
    servers,
    engine,
    health: new HealthWatch(engine, { clock: systemClock, traffic, log }),
    contracts: contractKeeper({ releases: snapshots, clock: systemClock, log, engine: view }),
    steps: stepParts({ stateDirectory, store: store.steps(), jobs, releases: databases, lease, engine, log }),
    logs: new LogKeeper(stateDirectory, log),
    traffic,
    fleet,
    releases,
    moveBook,
    moves: new SessionMoves({ ...moveParts, releases: databases, servers, randomId: randomUUID }),
    serverRest: new ServerRest({ clock: systemClock, servers, moves: moveBook, releases: snapshots, state: view.state, log }),
  };
}
