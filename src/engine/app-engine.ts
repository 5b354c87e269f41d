import { HitlessError, type Failure } from "../base/error.ts";
import { releaseName } from "../base/names.ts";
import { decide, type Decision } from "../core/decide.ts";
import { running } from "../core/draft.ts";
import { intended, type Command, type IntendedCommand } from "../core/command.ts";
import type { Event, EventBody } from "../core/event.ts";
import { frozenAt, type Frozen } from "../core/freeze.ts";
import { bookOf } from "../core/instance-book.ts";
import { all } from "../core/instances.ts";
import { newApp } from "../core/new-app.ts";
import { isStillWanted } from "../core/recovery.ts";
import type { AppState } from "../core/state.ts";
import type { Exit } from "../ports/fleet.ts";
import type { ReleaseRequest } from "../ports/releases.ts";
import type { Store } from "../ports/store.ts";
import type { DeployOutcome } from "./control.ts";
import { Executor, type EnginePorts } from "./executor.ts";
import { faultOf, requestFault, stackOf } from "./fault.ts";
import type { LeaseKeeper } from "./lease.ts";
import { News } from "./news.ts";

/** Entries from one snapshot to the next: so many, or as many as there are instances, so that what it costs does not grow with them. */
const SNAPSHOT_EVERY = 100;
const LOG_LINES = 20;
const JOURNAL_RETRY_MS = 1_000;

/**
 * The imperative side of one app: takes one event at a time, lets the core decide, writes event and commands to the journal, and only then
 * runs the commands. Whatever is killed in between is taken up from the journal by `recover`.
 */
export class AppEngine {
  readonly app: string;
  readonly #store: Store;
  readonly #ports: EnginePorts;
  readonly #lease: LeaseKeeper;
  readonly #executor: Executor;
  readonly #news = new News();
  #state: AppState;
  #seq = 0;
  #snapshotDue = SNAPSHOT_EVERY;
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;
  #fault: Failure | null = null;

  constructor(app: string, store: Store, ports: EnginePorts, lease: LeaseKeeper) {
    this.app = app;
    this.#store = store;
    this.#ports = ports;
    this.#state = newApp(app);
    this.#lease = lease;
    const leave = { held: () => lease.held(), epoch: () => this.#state.epoch };
    this.#executor = new Executor(app, ports, leave, (body) => {
      this.#submitSafely(body);
    });
  }

  get state(): AppState {
    return this.#state;
  }

  /** Why this engine does not act any more, or null. */
  get fault(): Failure | null {
    return this.#fault;
  }

  /** Changes with every journal entry; to wait for the next one. */
  get news(): News {
    return this.#news;
  }

  /** Reads the journal, adopts what still runs, and goes on where the last daemon stopped. */
  async recover(): Promise<void> {
    const epoch = await this.#store.openEpoch(this.app, this.#lease.epoch);
    const { snapshot, entries, unsettled } = await this.#store.load(this.app);
    this.#state = entries.reduce(
      (state, entry) => decide(state, entry.event).state,
      restored(snapshot?.state ?? newApp(this.app)),
    );
    this.#seq = entries.at(-1)?.seq ?? snapshot?.seq ?? 0;
    this.#snapshotDue = (snapshot?.seq ?? 0) + Math.max(SNAPSHOT_EVERY, all(this.#state).length);
    if (this.#state.deployment?.outcome !== null && this.#state.deployment !== null) {
      const { deployment } = this.#state;
      await this.#untilWritten(() => this.#store.saveDeployment(this.app, deployment));
    }
    const alive = await this.#ports.fleet.adopt(this.app);
    // What was ordered before comes before what is ordered now: an instance is not told to stop and started after that.
    await this.#enqueue(() => this.#take({ kind: "engine.recovered", epoch, alive }, undefined, unsettled));
  }

  /** Stages the request under the next release name, then begins the deployment or queues it; a refusal comes before anything is written. */
  async deploy(body: Extract<EventBody, { kind: "deploy.requested" }>, request: ReleaseRequest): Promise<DeployOutcome> {
    return this.#enqueue(async () => {
      if (this.#fault !== null) throw new HitlessError(this.#fault);
      const decision = this.#decide(this.#eventOf(body));
      await this.#lease.held();
      const release = releaseName(this.#state.next.release);
      const isQueued = decision.state.queued?.release === release;
      await this.#ports.releases.stage(this.app, release, request, { copy: isQueued });
      const { deployment } = await this.#take(body);
      const isRunning = deployment?.outcome === null;
      return { deployment: isRunning ? deployment.name : "", queued: isQueued ? release : null };
    });
  }

  /** Resolves with the new state when the event is in the journal; throws the refusal if the core refuses it. */
  async submit(body: EventBody, settles?: string): Promise<AppState> {
    return this.#enqueue(() => this.#take(body, settles));
  }

  async whenExited(exit: Exit): Promise<void> {
    this.#executor.forget(exit.instance);
    const logTail = await this.#ports.fleet.logTail(this.app, exit.instance, LOG_LINES).catch(() => []);
    this.#submitSafely({ kind: "instance.exited", instance: exit.instance, how: exit.how, logTail });
  }

  /** Ends without settling anything: the next daemon goes on from the journal. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#executor.close();
    await this.#queue.catch(() => undefined);
  }

  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #take(body: EventBody, settles?: string, unsettled: readonly IntendedCommand[] = []): Promise<AppState> {
    if (this.#fault !== null) throw new HitlessError(this.#fault);
    if (this.#closed)
      throw new HitlessError({ code: "ERR_ABORTED", what: "The daemon is stopping.", next: "Try again when it is back." });
    const event: Event = this.#eventOf(body, settles);
    const decision = this.#decide(event);
    await this.#journal(event, decision);
    const ended = this.#state.deployment?.outcome === null && decision.state.deployment?.outcome !== null;
    this.#state = decision.state;
    const { deployment } = decision.state;
    if (ended && deployment !== null) await this.#untilWritten(() => this.#store.saveDeployment(this.app, deployment));
    if (this.#seq >= this.#snapshotDue) await this.#snapshot();
    this.#news.tell();
    for (const command of unsettled) this.#takeUp(command);
    for (const command of decision.commands) this.#start(command);
    return decision.state;
  }

  async #snapshot(): Promise<void> {
    const state = this.#state;
    await this.#untilWritten(() => this.#store.saveSnapshot(this.app, this.#seq, state));
    this.#snapshotDue = this.#seq + Math.max(SNAPSHOT_EVERY, all(state).length);
  }

  /** @throws what a request is refused with; an error of ours that a request meets is the answer to it, and no reason to stop */
  #decide(event: Event): Decision {
    const decision = this.#decided(event);
    if (decision.refusal !== null) throw new HitlessError(decision.refusal);
    return decision;
  }

  #decided(event: Event): Decision {
    try {
      return decide(this.#state, event);
    } catch (error) {
      if (!event.kind.endsWith(".requested")) throw error;
      this.#ports.log.error("a request could not be decided", { app: this.app, request: event.kind, error: stackOf(error) });
      throw requestFault(this.app, event.kind.replace(/\.requested$/, ""), error);
    }
  }

  #eventOf(body: EventBody, settles?: string): Event {
    const at = this.#ports.clock.now();
    const seen = { ...body, ...this.#frozen(body, at), at };
    return settles === undefined ? seen : { ...seen, settles };
  }

  /** Whether new code may come depends on calendars, which the core does not read. */
  #frozen(body: EventBody, at: number): { readonly frozen?: Frozen } {
    const { releases, returned } = this.#state;
    const isRetry = body.kind === "retry.requested";
    const spec = isRetry ? releases[returned?.release ?? ""]?.spec : body.kind === "deploy.requested" ? body.spec : undefined;
    const frozen = frozenAt(spec?.freeze ?? [], at);
    return frozen === null ? {} : { frozen };
  }

  /** A journal that cannot be written (disk full) stops everything until it can: nothing is done that is not on record. */
  async #journal(event: Event, decision: Decision): Promise<void> {
    const { commands, notes, state } = decision;
    const entry = {
      seq: this.#seq + 1,
      epoch: state.epoch,
      event,
      commands: commands.map(intended),
      notes: notes.map((note) => ({ ...note, at: event.at })),
      deployment: (running(this.#state) ?? running(state))?.name ?? null,
    };
    await this.#untilWritten(() => this.#store.append(this.app, entry));
    this.#seq = entry.seq;
  }

  async #untilWritten(write: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#ports;
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        if (this.#closed || (error instanceof HitlessError && isFinal(error))) throw error;
        log.error("the journal cannot be written; waiting", { app: this.app, error: String(error) });
        await clock.sleepUntil(clock.now() + JOURNAL_RETRY_MS, new AbortController().signal);
      }
    }
  }

  #start(command: Command): void {
    this.#executor
      .run(command)
      .then((body) => (body === null ? undefined : this.submit(body, command.id)))
      .catch((error: unknown) => {
        this.giveUp(error);
      });
  }

  #takeUp(command: IntendedCommand): void {
    if (isStillWanted(this.#state, command)) this.#start(command);
    else this.#submitSafely({ kind: "command.done" }, command.id);
  }

  #submitSafely(body: EventBody, settles?: string): void {
    this.submit(body, settles).catch((error: unknown) => {
      this.giveUp(error);
    });
  }

  /** A newer writer has taken over, or a rule of ours is broken: this one must not act any more, and says so to whoever asks. */
  giveUp(error: unknown): void {
    if (this.#closed) return;
    this.#ports.log.error("the engine stops acting for this app", { app: this.app, error: stackOf(error) });
    this.#fault = faultOf(this.app, error);
    this.#closed = true;
    this.#executor.close();
    this.#news.tell();
  }
}

/** A state from a snapshot that an older version may have written. */
function restored(state: AppState): AppState {
  return { ...state, instances: bookOf(state.instances) };
}

function isFinal(error: HitlessError): boolean {
  return error.code === "ERR_STALE_EPOCH" || error.code === "ERR_INVARIANT";
}
