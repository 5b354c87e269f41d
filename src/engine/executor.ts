import { HitlessError, toFailure } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { InstanceName } from "../base/names.ts";
import type { Command, CommandKind } from "../core/command.ts";
import type { EventBody } from "../core/event.ts";
import { frozenAt } from "../core/freeze.ts";
import type { Clock } from "../ports/clock.ts";
import type { Fleet } from "../ports/fleet.ts";
import type { Http } from "../ports/http.ts";
import type { Jobs } from "../ports/jobs.ts";
import type { Releases } from "../ports/releases.ts";
import type { Traffic } from "../ports/traffic.ts";
import { Cancels } from "./cancels.ts";
import { failed } from "./failed-command.ts";
import { Lanes } from "./lanes.ts";
import { closeLedger, openLedger } from "./ledger-window.ts";
import { deliver } from "./notify.ts";
import { awaitReady } from "./readiness.ts";
import { Conclusions } from "./tasks/conclusions.ts";
import { runTask } from "./tasks/run-task.ts";
import { TaskCancelled } from "./tasks/task-order.ts";

export interface EnginePorts {
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly traffic: Traffic;
  readonly releases: Releases;
  readonly jobs: Jobs;
  readonly http: Http;
  readonly log: Logger;
}

/** The right to act for the app. */
interface Leave {
  /** See `LeaseKeeper.held`. */
  held(): Promise<void>;
  epoch(): number;
}

type Of<K extends CommandKind> = Extract<Command, { kind: K }>;

const PROXY_RETRY_MS = 250;
/** A proxy that is being started again is back before this; longer is worth a word. */
const PROXY_TRIES_QUIET = 8;

/**
 * Runs the commands of one app through the ports and gives the event each one ends with. Commands for the same instance, and route tables,
 * run one after the other in the order they were given; everything else runs side by side.
 */
export class Executor {
  readonly #app: string;
  readonly #ports: EnginePorts;
  readonly #leave: Leave;
  readonly #emit: (event: EventBody) => void;
  readonly #closing = new AbortController();
  readonly #lanes = new Lanes();
  readonly #cancels = new Cancels(this.#closing.signal);
  readonly #conclusions = new Conclusions();

  /** `emit` takes events that are no command's end, such as build output. */
  constructor(app: string, ports: EnginePorts, leave: Leave, emit: (event: EventBody) => void) {
    this.#app = app;
    this.#ports = ports;
    this.#leave = leave;
    this.#emit = emit;
  }

  /** Resolves with the event that settles the command, or null if it was given up. Never rejects but for ERR_STALE_EPOCH. */
  async run(command: Command): Promise<EventBody | null> {
    this.#cancelOutdated(command);
    return this.#lanes.run(command, () => this.#guarded(command));
  }

  /** The instance has ended by itself: nobody need wait for it. */
  forget(instance: InstanceName): void {
    this.#cancels.abort(`ready/${instance}`);
  }

  close(): void {
    this.#closing.abort();
  }

  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  async #guarded(command: Command): Promise<EventBody | null> {
    if (this.#isClosing()) return null;
    try {
      await this.#leave.held();
      return await this.#execute(command);
    } catch (error) {
      if (this.#isClosing() || isAbort(error)) return null;
      if (error instanceof HitlessError && error.code === "ERR_STALE_EPOCH") throw error;
      this.#ports.log.error("a command failed", { command: command.id, error: String(error) });
      return failed(command, error);
    }
  }

  #execute(command: Command): Promise<EventBody> {
    switch (command.kind) {
      case "release.create":
        return this.#create(command);
      case "release.discard":
        return this.#discard(command);
      case "release.prune":
        return this.#prune(command);
      case "freeze.look":
        return Promise.resolve(this.#lookAtFreeze(command));
      case "instance.start":
        return this.#start(command);
      case "instance.awaitReady":
        return this.#awaitReady(command);
      case "instance.stop":
        return this.#stop(command);
      case "traffic.apply":
        return this.#apply(command);
      case "traffic.remove":
        return this.#remove(command);
      case "traffic.drain":
        return this.#drain(command);
      case "traffic.quiet":
        return this.#quiet(command);
      case "ledger.open":
        return openLedger(this.#ports, this.#app);
      case "ledger.close":
        return closeLedger(this.#ports, this.#app, command.since);
      case "task.run":
        return this.#runTask(command);
      case "task.cancel":
        return this.#cancelTask(command);
      case "notify":
        return this.#notify(command);
      case "task.conclude":
        this.#conclusions.conclude(command.task, command.at);
        return Promise.resolve({ kind: "command.done" });
      case "timer.set":
        return this.#timer(command);
    }
  }

  async #create(command: Of<"release.create">): Promise<EventBody> {
    const { release, unlessIdentity } = command;
    return this.#cancels.run([`create/${release}`], async (signal) => {
      const outcome = await this.#ports.releases.create(this.#app, release, {
        unlessIdentity,
        signal,
        onOutput: (line) => {
          this.#emit({ kind: "output.written", lines: [line] });
        },
      });
      return outcome.kind === "created"
        ? { kind: "release.created", record: outcome.record }
        : { kind: "release.unchanged", release };
    });
  }

  async #discard({ release }: Of<"release.discard">): Promise<EventBody> {
    await this.#ports.releases.discard(this.#app, release);
    return { kind: "command.done" };
  }

  async #prune({ keep, inUse }: Of<"release.prune">): Promise<EventBody> {
    return { kind: "release.pruned", releases: await this.#ports.releases.prune(this.#app, { keep, inUse }) };
  }

  #lookAtFreeze({ release, windows }: Of<"freeze.look">): EventBody {
    return { kind: "freeze.seen", release, frozen: frozenAt(windows, this.#ports.clock.now()) };
  }

  async #start({ instance, release, type }: Of<"instance.start">): Promise<EventBody> {
    const launch = await this.#ports.releases.launchPlan(this.#app, release, type);
    const epoch = this.#leave.epoch();
    const started = await this.#ports.fleet.start({ app: this.#app, instance, release, type, launch, epoch });
    return { kind: "instance.started", instance, ...started };
  }

  async #awaitReady(command: Of<"instance.awaitReady">): Promise<EventBody> {
    const { instance } = command;
    return this.#cancels.run([`ready/${instance}`], async (signal) => {
      const failure = await awaitReady(this.#ports, this.#app, command, signal);
      return failure === null ? { kind: "instance.ready", instance } : { kind: "instance.unready", instance, failure };
    });
  }

  async #stop({ instance, signal, graceMs }: Of<"instance.stop">): Promise<EventBody> {
    const how = await this.#ports.fleet.stop(this.#app, instance, { signal, graceMs, epoch: this.#leave.epoch() });
    return { kind: "instance.stopped", instance, how };
  }

  async #apply({ table }: Of<"traffic.apply">): Promise<EventBody> {
    const { revision } = table;
    try {
      await this.#persist(() => this.#ports.traffic.apply(table));
      return { kind: "traffic.applied", revision };
    } catch (error) {
      if (isAbort(error) || (error instanceof HitlessError && error.code === "ERR_STALE_EPOCH")) throw error;
      return {
        kind: "traffic.refused",
        revision,
        failure: toFailure(error, "ERR_PROXY_REFUSED", "The proxy refused the route table."),
      };
    }
  }

  async #remove({ app, epoch }: Of<"traffic.remove">): Promise<EventBody> {
    await this.#persist(() => this.#ports.traffic.remove(app, epoch));
    return { kind: "traffic.removed" };
  }

  async #drain({ instances, timeoutMs, tunnelsMs }: Of<"traffic.drain">): Promise<EventBody> {
    const limits = { requestsMs: timeoutMs, tunnelsMs: tunnelsMs ?? timeoutMs };
    const keys = instances.map((name) => `drain/${name}`);
    return this.#cancels.run(keys, async (signal) => {
      const { cut } = await this.#persist(() => this.#ports.traffic.drain(this.#app, instances, limits, signal));
      return { kind: "traffic.drained", instances, cut };
    });
  }

  async #quiet({ app }: Of<"traffic.quiet">): Promise<EventBody> {
    return this.#cancels.run(["quiet"], async (signal) => {
      return { kind: "traffic.quiet", quiet: await this.#persist(() => this.#ports.traffic.quiet(app, signal)) };
    });
  }

  async #runTask(command: Of<"task.run">): Promise<EventBody> {
    const { task } = command;
    const conclusion = this.#conclusions.of(task);
    const result = await this.#cancels.run([`task/${task}`], (signal) =>
      runTask(this.#ports, { app: this.#app, command, signal, conclusion }, (lines) => {
        this.#emit({ kind: "output.written", lines });
      }),
    );
    this.#conclusions.forget(task);
    return { kind: "task.ended", task, result };
  }

  async #cancelTask({ task }: Of<"task.cancel">): Promise<EventBody> {
    this.#cancels.abort(`task/${task}`, new TaskCancelled());
    await this.#ports.jobs.cancel(this.#app, task);
    return { kind: "command.done" };
  }

  async #notify(command: Of<"notify">): Promise<EventBody> {
    const say = (text: string): void => {
      this.#ports.log.warn(text, { app: this.#app });
      this.#emit({ kind: "output.written", lines: [text] });
    };
    await deliver(this.#ports, this.#app, command, { signal: this.#closing.signal, say });
    return { kind: "command.done" };
  }

  async #timer({ timer, at, afterMs = Infinity }: Of<"timer.set">): Promise<EventBody> {
    const { clock } = this.#ports;
    await clock.sleepUntil(Math.min(at, clock.now() + afterMs), this.#closing.signal);
    return { kind: "timer.fired", timer };
  }

  /** Repeats a call while the proxy cannot be reached: it is being started again meanwhile. */
  async #persist<T>(call: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#leave.held();
        return await call();
      } catch (error) {
        const away = error instanceof HitlessError && error.code === "ERR_PROXY_UNREACHABLE";
        if (!away) throw error;
        if (tries === PROXY_TRIES_QUIET) this.#tellThatProxyIsAway(error);
        await this.#ports.clock.sleepUntil(this.#ports.clock.now() + PROXY_RETRY_MS, this.#closing.signal);
      }
    }
  }

  #tellThatProxyIsAway(error: HitlessError): void {
    this.#ports.log.warn("the proxy does not answer; waiting for it", { app: this.#app, error: error.message });
    this.#emit({ kind: "output.written", lines: ["the proxy does not answer; waiting for it"] });
  }

  /** A new order can make one that still runs pointless. */
  #cancelOutdated(command: Command): void {
    if (command.kind === "instance.stop") this.#cancels.abort(`ready/${command.instance}`);
    if (command.kind === "release.discard") this.#cancels.abort(`create/${command.release}`);
    if (command.kind !== "traffic.apply") return;
    for (const { instance } of command.table.pools.flatMap((pool) => pool.targets)) this.#cancels.abort(`drain/${instance}`);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
