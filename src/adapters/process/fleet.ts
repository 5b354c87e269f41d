import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { HitlessError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { InstanceName } from "../../base/names.ts";
import type { Exit, Fleet, Started, StartRequest, StopOptions } from "../../ports/fleet.ts";
import type { Store } from "../../ports/store.ts";
import { commandLine, type CommandLine } from "./command-line.ts";
import { baseEnvironment } from "./environment.ts";
import { freePort } from "./free-port.ts";
import { endGroup, signalGroup } from "./group.ts";
import { InstanceFiles, type InstanceRecord } from "./instance-file.ts";
import { InstanceLogs } from "./instance-log.ts";
import { findByEnvironment, groupMembers, groupOfToken, identityOf, isRunning, type ProcessIdentity } from "./proc.ts";

const HOST = "127.0.0.1";
const WATCH_MS = 250;
const ROTATE_EVERY_MS = 10_000;
const TOKEN = "HITLESS_TOKEN";

/** See `Store.fenced`. */
type Fence = Pick<Store, "fenced">;

interface Watched {
  readonly app: string;
  readonly process: ProcessIdentity;
}

/**
 * Instances as processes of this machine: each in a process group of its own, writing to its own log file. Nothing of them depends on this
 * process; another one finds them again by their record (pid and start time) or by the token in their environment.
 */
export class ProcessFleet implements Fleet {
  readonly #apps: string;
  readonly #log: Logger;
  readonly #fence: Fence;
  readonly #listeners: ((exit: Exit) => void)[] = [];
  /** Instances that another process started, or that are taken up again: they are looked at. */
  readonly #watched = new Map<string, Watched>();
  /** Instances that this process started: the kernel tells of their end. */
  readonly #children = new Map<string, Promise<void>>();
  readonly #stopping = new Set<string>();
  readonly #timers: readonly NodeJS.Timeout[];
  #closed = false;

  constructor(stateDirectory: string, log: Logger, fence: Fence) {
    this.#apps = join(stateDirectory, "apps");
    this.#log = log;
    this.#fence = fence;
    this.#timers = [
      setInterval(() => {
        this.#look();
      }, WATCH_MS),
      setInterval(() => void this.#tidyLogs(), ROTATE_EVERY_MS),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  /** Ends the watching; the instances go on. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#watched.clear();
  }

  onExit(listener: (exit: Exit) => void): void {
    this.#listeners.push(listener);
  }

  async start(request: StartRequest): Promise<Started> {
    const files = this.#files(request.app);
    const known = await files.read(request.instance);
    if (known !== null) {
      const found = known.process ?? (await this.#found(request.app, known));
      if (found !== null) {
        this.#watch(request.app, request.instance, found);
        return startedOf(known, found.pid);
      }
    }
    const line = commandLine(request.launch, process.env["PATH"] ?? "");
    const record = await newRecord(request);
    const { pid, ended } = await this.#spawn(request, record, line);
    this.#follow(request, ended);
    return startedOf(record, pid);
  }

  async stop(app: string, instance: InstanceName, options: StopOptions): Promise<"exited" | "killed" | "gone"> {
    const key = keyOf(app, instance);
    this.#stopping.add(key);
    try {
      const files = this.#files(app);
      const record = await files.read(instance);
      const group = record === null ? null : groupOf(record);
      const send = (signal: NodeJS.Signals): void => {
        if (group === null) return;
        this.#fence.fenced(app, options.epoch, () => {
          signalGroup(group, signal);
        });
      };
      const outcome = group === null ? "gone" : await endGroup(group, { ...options, send });
      // Node tells of the end of a child a little later than the kernel: it must still find it marked as stopping.
      await this.#children.get(key);
      this.#fence.fenced(app, options.epoch, () => {
        files.remove(instance);
      });
      this.#watched.delete(key);
      return outcome;
    } finally {
      this.#stopping.delete(key);
    }
  }

  async adopt(app: string): Promise<readonly InstanceName[]> {
    const files = this.#files(app);
    const alive: InstanceName[] = [];
    for (const record of await files.all()) {
      const found = await this.#found(app, record);
      if (found === null) continue;
      this.#watch(app, record.instance, found);
      alive.push(record.instance);
    }
    await this.#logs(app).prune(new Set(alive));
    return alive;
  }

  logTail(app: string, instance: InstanceName, lines: number): Promise<readonly string[]> {
    return this.#logs(app).tail(instance, lines);
  }

  async #spawn(
    request: StartRequest,
    record: InstanceRecord,
    line: CommandLine,
  ): Promise<{ pid: number; ended: Promise<string> }> {
    const { app, instance, epoch } = request;
    const staged = await this.#files(app).stage(record);
    const output = await this.#logs(app).open(instance);
    try {
      const child = this.#fence.fenced(app, epoch, () => {
        staged.publish();
        return spawn(line.file, line.args, {
          cwd: request.launch.directory,
          env: environmentOf(request, record),
          detached: true,
          stdio: ["ignore", output.fd, output.fd],
        });
      });
      const ended = endOf(child);
      const pid = await spawned(child, request);
      child.unref();
      await this.#record(app, record, pid);
      return { pid, ended };
    } catch (error) {
      staged.discard();
      throw error;
    } finally {
      await output.close();
    }
  }

  /** A process that cannot be recorded must not run: nobody would ever stop it. */
  async #record(app: string, record: InstanceRecord, pid: number): Promise<void> {
    try {
      await this.#files(app).write({ ...record, process: identityOf(pid) ?? { pid, startTime: "", boot: "" } });
    } catch (error) {
      signalGroup(pid, "SIGKILL");
      throw error;
    }
  }

  /** Our own child: its exit comes at once and with its reason. */
  #follow({ app, instance }: StartRequest, ended: Promise<string>): void {
    const key = keyOf(app, instance);
    const told = ended.then((how) => {
      this.#children.delete(key);
      this.#tell(app, instance, how);
    });
    this.#children.set(key, told);
  }

  #watch(app: string, instance: InstanceName, process: ProcessIdentity): void {
    const key = keyOf(app, instance);
    if (!this.#children.has(key)) this.#watched.set(key, { app, process });
  }

  /** The process behind a record: as recorded, or, if its starter died before it could record it, by its token. */
  async #found(app: string, record: InstanceRecord): Promise<ProcessIdentity | null> {
    if (record.process !== null) return isRunning(record.process) ? record.process : null;
    const group = groupOfToken(`${TOKEN}=${record.token}`);
    const identity = group === null ? null : identityOf(group);
    if (identity !== null) await this.#files(app).write({ ...record, process: identity });
    return identity;
  }

  /** For adopted instances, which are not our children: looked at several times a second. */
  #look(): void {
    for (const [key, { app, process: identity }] of this.#watched) {
      if (isRunning(identity)) continue;
      this.#watched.delete(key);
      this.#tell(app, key.slice(app.length + 1), "is gone");
    }
  }

  #tell(app: string, instance: InstanceName, how: string): void {
    if (this.#closed || this.#stopping.has(keyOf(app, instance))) return;
    this.#log.info("an instance has ended", { app, instance, how });
    for (const listener of this.#listeners) listener({ app, instance, how });
  }

  async #tidyLogs(): Promise<void> {
    for (const app of await readdir(this.#apps).catch(() => [])) {
      try {
        await this.#logs(app).rotate();
        const records = await this.#files(app).all();
        await this.#logs(app).prune(new Set(records.map((record) => record.instance)));
      } catch (error) {
        this.#log.warn("logs could not be rotated", { app, error: String(error) });
      }
    }
  }

  #files(app: string): InstanceFiles {
    return new InstanceFiles(join(this.#apps, app));
  }

  #logs(app: string): InstanceLogs {
    return new InstanceLogs(join(this.#apps, app));
  }
}

function keyOf(app: string, instance: InstanceName): string {
  return `${app}/${instance}`;
}

async function newRecord({ instance, launch }: StartRequest): Promise<InstanceRecord> {
  const record = { instance, port: await freePort(HOST), token: randomUUID(), process: null };
  return launch.healthPortVariable === undefined ? record : { ...record, healthPort: await freePort(HOST) };
}

function startedOf({ port, healthPort }: InstanceRecord, pid: number): Started {
  return { pid, host: HOST, port, ...(healthPort === undefined ? {} : { healthPort }) };
}

function environmentOf(request: StartRequest, record: InstanceRecord): Record<string, string> {
  return {
    ...baseEnvironment(process.env),
    ...request.launch.env,
    ...healthPortOf(request, record),
    PORT: String(record.port),
    HOST,
    HITLESS_APP: request.app,
    HITLESS_RELEASE: request.release,
    HITLESS_INSTANCE: request.instance,
    [TOKEN]: record.token,
  };
}

function healthPortOf(
  { launch: { healthPortVariable: name } }: StartRequest,
  { healthPort }: InstanceRecord,
): Record<string, string> {
  return name === undefined || healthPort === undefined ? {} : { [name]: String(healthPort) };
}

/** How the child ended. Asked for at once, so that an early end is not missed. */
function endOf(child: ChildProcess): Promise<string> {
  child.on("error", () => undefined);
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      resolve(signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`);
    });
  });
}

function spawned(child: ChildProcess, { launch, instance }: StartRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("spawn", () => {
      resolve(child.pid ?? 0);
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new HitlessError({
          code: "ERR_COMMAND_NOT_FOUND",
          what: `${instance} could not be started.`,
          why: `${error.message} (in ${launch.directory}).`,
          next: "Check `command` in the configuration.",
        }),
      );
    });
  });
}

/** The process group that may be signalled, or null. Never one whose leader's pid has been taken by another process. */
function groupOf({ process: recorded, token }: InstanceRecord): number | null {
  if (recorded === null) return groupOfToken(`${TOKEN}=${token}`);
  if (isRunning(recorded)) return recorded.pid;
  // The leader has gone, its children may be left; the kernel gives no new process the id of a group that has members.
  const ours = new Set(findByEnvironment(`${TOKEN}=${token}`));
  return groupMembers(recorded.pid).some((pid) => ours.has(pid)) ? recorded.pid : null;
}
