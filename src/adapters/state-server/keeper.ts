import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { HitlessError } from "../../base/error.ts";
import { hostAndPort } from "../../base/host-and-port.ts";
import type { Logger } from "../../base/log.ts";
import type { StateServerSpec } from "../../core/sessions-spec.ts";
import { isAlive, signal } from "../../platform/process-id.ts";
import { lastingPort } from "./lasting-port.ts";
import type { ServerUse } from "../../ports/session-servers.ts";
import { StateServerLink, type ServerFacts } from "./link.ts";
import type { Program, ServerFiles, ServerRecord } from "./server-files.ts";

export interface KeeperOptions {
  readonly app: string;
  readonly files: ServerFiles;
  readonly version: string;
  readonly log: Logger;
  /** Whether this daemon is the one that sees to the server. */
  readonly mayAct: () => boolean;
  /** How the server is started. */
  readonly program: (files: ServerFiles, record: ServerRecord) => Program;
}

export const HOST = "127.0.0.1";
/** Until it answers, or has a reason not to: another one that still reads its log has the lock. */
const START_LIMIT_MS = 15_000;
/** A large log takes time to read; while it is read the process lives. */
const READ_LIMIT_MS = 600_000;
const END_LIMIT_MS = 30_000;
const POLL_MS = 20;
const AGAIN_MS = 250;

/**
 * Sees to it that one app's state server runs. It is a program of its own: it goes on when the daemon ends, and is found again at its port. That there are never two on the
 * same data its own lock sees to.
 */
export class StateServerKeeper {
  readonly #options: KeeperOptions;
  #link: StateServerLink | null = null;
  #child: ChildProcess | null = null;
  #starting: Promise<StateServerLink> | null = null;
  #adapting: Promise<void> = Promise.resolve();
  #adapts = 0;
  /** How often somebody wanted it to run. */
  #asked = 0;
  /** It is being laid to rest. */
  #resting: Promise<void> | null = null;
  #stopped = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Runs as before, or as `spec` says the first time; gives the URL. @throws ERR_STATE_SERVER_UNREACHABLE */
  async ensure(spec: StateServerSpec): Promise<string> {
    const { files } = this.#options;
    this.#asked += 1;
    while (this.#resting !== null) await this.#resting.catch(() => undefined);
    const known = files.record();
    // On disk before it is started: the next daemon must not leave one at rest that is needed.
    if (known?.endedAt !== undefined) files.writeRecord({ port: known.port, ...specOf(known) });
    if (known === null) files.writeRecord({ port: await lastingPort(HOST), ...spec });
    try {
      await this.#running();
    } catch (error) {
      // Nobody knows of its port yet: another one may do.
      if (known === null) files.removeRecord();
      throw error;
    }
    return this.#url();
  }

  /** Runs as `spec` says, and in this program's version. @throws ERR_STATE_SERVER_UNREACHABLE, ERR_STATE_SERVER_UPGRADE */
  async adapt(spec: StateServerSpec): Promise<string> {
    this.#adapts += 1;
    try {
      const url = await this.ensure(spec);
      this.#adapting = this.#adapting.catch(() => undefined).then(() => this.#conform(spec));
      await this.#adapting;
      return url;
    } finally {
      this.#adapts -= 1;
    }
  }

  /** Takes the server up again that ran before, and replaces one of another version. One that was laid to rest is left there. */
  async resume(): Promise<void> {
    const record = this.#options.files.record();
    if (record === null) return;
    if (record.endedAt === undefined) await this.adapt(specOf(record));
    // The daemon before may have been killed when it had written that down, and not done it yet.
    else await this.#layDown(this.#terminate());
  }

  async use(): Promise<ServerUse | null> {
    const facts = this.#adapts > 0 ? null : await this.#link?.facts().catch(() => null);
    return facts === null || facts === undefined ? null : this.#useBy(facts);
  }

  /** Ends the server until it is asked for again, unless somebody uses it, or has come since `visits` was read. @throws what keeps it from being written down */
  async rest(visits: number): Promise<boolean> {
    const { files, mayAct } = this.#options;
    const link = this.#link;
    const facts = await link?.facts().catch(() => null);
    if (link === null || facts === null || facts === undefined) return false;
    // From here to `#layDown` nothing is waited for: who asked for the server before is seen here, and who does later waits until it has ended, and starts it again.
    const { inUse, visits: now } = this.#useBy(facts);
    const record = files.record();
    if (inUse || now !== visits || record === null || this.#link !== link) return false;
    if (this.#stopped || this.#adapts > 0 || this.#resting !== null || !mayAct()) return false;
    files.writeRecord({ ...record, endedAt: Date.now() });
    await this.#layDown(this.#ended(facts.pid, link));
    return true;
  }

  /** Leaves the server running. */
  stop(): void {
    this.#stopped = true;
    this.#link?.close();
  }

  /** Ends the server; its data stay. */
  async end(): Promise<void> {
    this.#stopped = true;
    await this.#resting?.catch(() => undefined);
    await this.#starting?.catch(() => undefined);
    await this.#terminate();
  }

  #useBy({ clients, arrivals, aspNet }: ServerFacts): ServerUse {
    return { inUse: clients > 1 || aspNet !== "", visits: arrivals + this.#asked };
  }

  /** Who asks for the server meanwhile waits. */
  #layDown(ended: Promise<void>): Promise<void> {
    this.#resting = ended.finally(() => {
      this.#resting = null;
    });
    return this.#resting;
  }

  async #terminate(): Promise<void> {
    const link = this.#link ?? (await StateServerLink.open(this.#url()));
    if (link !== null) await this.#ended((await link.facts()).pid, link);
  }

  async #ended(pid: number, link: StateServerLink): Promise<void> {
    const { app, log } = this.#options;
    // Its end is no reason to start it again.
    this.#link = null;
    signal(pid, "SIGTERM");
    const until = Date.now() + END_LIMIT_MS;
    while (isAlive(pid) && Date.now() < until) await sleep(POLL_MS);
    link.close();
    log.info("the state server was ended", { app, pid });
  }

  #running(): Promise<StateServerLink> {
    if (this.#link !== null) return Promise.resolve(this.#link);
    this.#starting ??= this.#find().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #find(): Promise<StateServerLink> {
    const begun = Date.now();
    for (;;) {
      const link = await StateServerLink.open(this.#url());
      if (link !== null) return this.#watch(link);
      const child = this.#alive();
      const passed = Date.now() - begun;
      if (this.#stopped || passed > (child === null ? START_LIMIT_MS : READ_LIMIT_MS)) throw unreachable(this.#options);
      // A daemon that another has taken over from must not start a server.
      if (child === null && this.#options.mayAct()) this.#start();
      await sleep(passed < AGAIN_MS ? POLL_MS : AGAIN_MS);
    }
  }

  #watch(link: StateServerLink): StateServerLink {
    this.#link = link;
    void link.gone.then(() => {
      if (this.#link !== link) return;
      this.#link = null;
      if (this.#stopped) return;
      this.#options.log.warn("the state server is gone", { app: this.#options.app });
      void this.#startAgain();
    });
    return link;
  }

  async #startAgain(): Promise<void> {
    while (!this.#stopped && this.#link === null) {
      try {
        await this.#running();
      } catch (error) {
        this.#options.log.error("the state server cannot be started", { app: this.#options.app, error: String(error) });
      }
    }
  }

  async #conform(spec: StateServerSpec): Promise<void> {
    const { files, version } = this.#options;
    const record = files.record();
    if (record === null) return;
    const link = await this.#running();
    const facts = await link.facts();
    if ((facts.version === version && isAs(facts, spec)) || !this.#options.mayAct()) return;
    const wanted = { port: record.port, ...spec };
    await this.#upgrade(link, facts, wanted);
    files.writeRecord(wanted);
  }

  /** A new generation takes over from the old one, with all connections. */
  async #upgrade(link: StateServerLink, before: ServerFacts, wanted: ServerRecord): Promise<void> {
    const { app, files, log, program } = this.#options;
    files.writeSuccessor(program(files, wanted));
    signal(before.pid, "SIGUSR2");
    const until = Date.now() + READ_LIMIT_MS;
    for (;;) {
      const now = await link.facts();
      if (now.pid !== before.pid) {
        log.info("the state server was replaced", { app, from: before.pid, to: now.pid, version: now.version });
        return;
      }
      if (now.failedUpgrades > before.failedUpgrades || Date.now() > until) {
        throw new HitlessError({
          code: "ERR_STATE_SERVER_UPGRADE",
          what: `The state server of ${app} could not be replaced; the old one goes on.`,
          next: `Its log is ${files.log}.`,
        });
      }
      await sleep(POLL_MS);
    }
  }

  #start(): void {
    const { app, files, log, program } = this.#options;
    const record = files.record();
    if (record === null) return;
    const output = openSync(files.log, "a", 0o600);
    const { command, args } = program(files, record);
    const child = spawn(command, args, { detached: true, stdio: ["ignore", output, output], cwd: "/" });
    child.on("error", () => undefined);
    child.unref();
    closeSync(output);
    this.#child = child;
    log.info("the state server was started", { app, pid: child.pid });
  }

  #alive(): ChildProcess | null {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null ? child : null;
  }

  #url(): string {
    const { files } = this.#options;
    return `redis://:${files.password()}@${HOST}:${String(files.record()?.port ?? 0)}`;
  }
}

function specOf({ port: _, endedAt: __, ...spec }: ServerRecord): StateServerSpec {
  return spec;
}

function isAs({ memoryBytes, fsync, aspNet }: ServerFacts, spec: StateServerSpec): boolean {
  const wanted = spec.aspNet === undefined ? "" : hostAndPort(spec.aspNet);
  return memoryBytes === spec.memoryBytes && fsync === spec.fsync && aspNet === wanted;
}

function unreachable({ app, files }: KeeperOptions): HitlessError {
  return new HitlessError({
    code: "ERR_STATE_SERVER_UNREACHABLE",
    what: `The state server of ${app} did not start.`,
    next: `Its log is ${files.log}.`,
  });
}
