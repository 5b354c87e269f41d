import { dirname, resolve } from "node:path";
import { HitlessError } from "../base/error.ts";
import type { AccessLogSpec } from "../core/access-log.ts";
import type { AppSpec, ProcessSpec } from "../core/app-spec.ts";
import type { MaintenanceGate } from "../core/gate.ts";
import type { ErrorPages } from "../core/pages.ts";
import type { TlsSpec } from "../core/tls.ts";
import { assetsOf } from "./assets.ts";
import { databaseOf } from "./database.ts";
import { findConfigFile, readConfigFile } from "./config-file.ts";
import { resolveEnvironment } from "./environment.ts";
import { describeProblems } from "./problems.ts";
import { eventStreamsOf } from "./event-streams.ts";
import { healthOf } from "./health.ts";
import { holdOf } from "./hold.ts";
import { notificationsOf } from "./notifications.ts";
import { readErrorPages, readMaintenance } from "./pages.ts";
import { rolloutOf } from "./rollout.ts";
import { routingOf } from "./routing.ts";
import { configSchema, type ParsedConfig } from "./schema.ts";
import { forwardingOf } from "./forwarding.ts";
import { hstsValue, redirectPort } from "./tls.ts";
import { referenceProblems } from "./tasks/references.ts";
import { sessionsOf } from "./sessions.ts";
import { tasksOf } from "./tasks/tasks.ts";
import { websocketsOf } from "./websockets.ts";

/** A configuration with everything resolved: what a deployment is asked for with. */
export interface LoadedConfig {
  readonly path: string;
  readonly spec: AppSpec;
  readonly source: string;
  readonly ignore: readonly string[];
  readonly build: string | null;
  readonly env: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface LoadOptions {
  readonly directory: string;
  /** A file named by the user, or null to look for one. */
  readonly file: string | null;
  readonly env: NodeJS.ProcessEnv;
}

/** @throws ERR_CONFIG_NOT_FOUND, ERR_CONFIG_UNREADABLE, ERR_CONFIG_INVALID, ERR_ENV_MISSING, with every problem at once */
export async function loadConfig({ directory, file, env }: LoadOptions): Promise<LoadedConfig> {
  const path = await findConfigFile(directory, file);
  const config = parseConfig(await readConfigFile(path), path);
  const base = dirname(path);
  const pages = await readPages(config, path);
  const environment = await resolveEnvironment(config, base, env);
  const unset = [...environment.problems, ...referenceProblems(tasksOf(config), environment.env)];
  if (unset.length > 0) {
    throw new HitlessError({
      code: "ERR_ENV_MISSING",
      what: `The environment of ${path} has ${count(unset.length)}.`,
      next: "Nothing was started.",
      details: unset,
    });
  }
  return {
    path,
    spec: specOf(config, base, pages, environment.previewSecret),
    source: resolve(base, config.source),
    ignore: config.ignore,
    build: config.build ?? null,
    env: environment.env,
  };
}

/** The app's name alone, for commands that need nothing else of the configuration. */
export async function loadAppName({ directory, file }: LoadOptions): Promise<string> {
  const path = await findConfigFile(directory, file);
  return parseConfig(await readConfigFile(path), path).app;
}

export function parseConfig(input: unknown, path: string): ParsedConfig {
  const parsed = configSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw invalid(path, describeProblems(parsed.error, input));
}

function invalid(path: string, problems: readonly string[]): HitlessError {
  return new HitlessError({
    code: "ERR_CONFIG_INVALID",
    what: `${path} has ${count(problems.length)}.`,
    next: "Nothing was started. All keys are described in docs/configuration.md.",
    details: problems,
  });
}

/** Files that the route table carries. */
interface Pages {
  readonly errorPages: ErrorPages | undefined;
  readonly maintenance: MaintenanceGate | undefined;
}

async function readPages(config: ParsedConfig, path: string): Promise<Pages> {
  const problems: string[] = [];
  const errorPages = await readErrorPages(config.errorPages, dirname(path), problems);
  const maintenance = await readMaintenance(config.maintenance, dirname(path), problems);
  if (problems.length > 0) throw invalid(path, problems);
  return { errorPages, maintenance };
}

function specOf(config: ParsedConfig, base: string, { errorPages, maintenance }: Pages, previewSecret: string | null): AppSpec {
  const processes = Object.fromEntries(
    Object.entries(config.processes).map(([type, process]) => [type, processOf(type, process)]),
  );
  const tasks = tasksOf(config);
  return {
    app: config.app,
    listen: config.listen,
    tls: config.tls === undefined ? null : tlsOf(config.tls, processes, base),
    processes,
    rollout: rolloutOf(config.rollout),
    proxy: {
      ...holdOf(config.proxy.hold),
      firstByteTimeoutMs: config.proxy.firstByteTimeout,
      ...(config.proxy.http2Cleartext ? { http2Cleartext: true } : {}),
      ...(config.proxy.maxBody === undefined ? {} : { maxBodyBytes: config.proxy.maxBody }),
      ...(config.proxy.connectionsPerClient === undefined ? {} : { connectionsPerClient: config.proxy.connectionsPerClient }),
      ...(config.proxy.sessionCookies === undefined ? {} : { sessionCookies: config.proxy.sessionCookies }),
      ...(config.metrics === undefined ? {} : { metrics: config.metrics.listen }),
      ...(config.accessLog === undefined ? {} : { accessLog: accessLogOf(config.accessLog, base) }),
      ...forwardingOf(config),
      ...(config.eventStreams === undefined ? {} : { eventStreams: eventStreamsOf(config.eventStreams) }),
      ...(config.websockets === undefined ? {} : { websockets: websocketsOf(config.websockets) }),
    },
    routing: routingOf(config, previewSecret),
    errorPages,
    maintenance,
    releasesKept: config.keepReleases,
    ...assetsOf(config),
    ...(config.freeze.length === 0 ? {} : { freeze: config.freeze }),
    ...(tasks === undefined ? {} : { tasks }),
    ...(config.notifications.length === 0 ? {} : { notifications: notificationsOf(config.notifications) }),
    ...(config.database === undefined ? {} : { database: databaseOf(config.database) }),
    ...(config.sessions === undefined ? {} : { sessions: sessionsOf(config.sessions) }),
  };
}

function accessLogOf(log: NonNullable<ParsedConfig["accessLog"]>, base: string): AccessLogSpec {
  return { ...log, path: log.path === "stdout" ? log.path : resolve(base, log.path) };
}

/** A health check of somebody else's balancer comes over plain HTTP and wants 2xx: it is not redirected. */
function tlsOf(tls: NonNullable<ParsedConfig["tls"]>, processes: AppSpec["processes"], base: string): TlsSpec {
  const { listen, names, minVersion, unknownName, acme } = tls;
  const port = redirectPort(tls);
  const checked = Object.values(processes).map((process) => process.health?.path ?? null);
  return {
    listen,
    names,
    certificates: tls.certificates.map(({ cert, key }) => ({ cert: resolve(base, cert), key: resolve(base, key) })),
    acme:
      acme === undefined
        ? null
        : {
            directory: acme.directory,
            email: acme.email ?? null,
            domains: [...new Set(acme.domains)],
            rootCertificates: acme.rootCertificates === undefined ? null : resolve(base, acme.rootCertificates),
          },
    redirect: port === null ? null : { exceptPaths: [...new Set(checked.filter((path) => path !== null))], port },
    hsts: hstsValue(tls.hsts),
    minVersion,
    unknownName,
  };
}

function processOf(type: string, process: ParsedConfig["processes"][string]): ProcessSpec {
  const traffic = process.traffic ?? type === "web";
  return {
    command: process.command,
    instances: process.instances,
    traffic,
    ...protocolOf(process),
    health: traffic ? healthOf(process.health, protocolOf(process)) : null,
    readyAfterMs: process.readyAfter,
    ...(traffic ? { replaceAfterMs: process.health.replaceAfter === "never" ? null : process.health.replaceAfter } : {}),
    startDeadlineMs: process.startDeadline,
    drainTimeoutMs: process.drainTimeout,
    stopSignal: process.stopSignal as NodeJS.Signals,
    stopGraceMs: process.stopGrace,
    ...(process.replace === "stop-first" ? { stopFirst: true } : {}),
  };
}

/** Said only where it is not the usual one. */
function protocolOf({
  protocol,
  proxyProtocol,
}: ParsedConfig["processes"][string]): Pick<ProcessSpec, "protocol" | "proxyProtocol"> {
  return {
    ...(protocol === "http1" ? {} : { protocol }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
  };
}

function count(problems: number): string {
  return problems === 1 ? "one problem" : `${String(problems)} problems`;
}
