import type { AppSpec } from "../../src/core/app-spec.ts";
import type { Command, CommandKind } from "../../src/core/command.ts";
import { decide, type Decision } from "../../src/core/decide.ts";
import { running } from "../../src/core/draft.ts";
import type { Event, EventBody } from "../../src/core/event.ts";
import { all } from "../../src/core/instances.ts";
import { newApp } from "../../src/core/new-app.ts";
import { isStillWanted } from "../../src/core/recovery.ts";
import type { RouteTable } from "../../src/core/routes.ts";
import type { AppState, Deployment, Instance } from "../../src/core/state.ts";
import { simSpec } from "../../sim/spec.ts";
import { brokenRules } from "./core-rules.ts";

/** A shop whose web instances number so many; the worker of the simulation's spec is left out where it does not matter. */
export function webOnly(instances: number, batch: AppSpec["rollout"]["batch"] = { kind: "count", count: 1 }): AppSpec {
  const spec = simSpec("shop", instances, 1);
  const { web } = spec.processes;
  return { ...spec, processes: web === undefined ? {} : { web }, rollout: { strategy: "rolling", batch } };
}

/** What has been sent and decided of one app. Every decision is held against the rules of core-rules.ts. */
export class CoreRun {
  state: AppState = newApp("shop");
  at = 1_000_000;
  /** Every table that was ordered, oldest first. */
  readonly tables: RouteTable[] = [];
  readonly notes: string[] = [];
  /** Ordered and not answered, oldest first. */
  pending: Command[] = [];
  /** Every command that was ordered. */
  readonly ordered: Command[] = [];
  readonly events: (EventBody & { settles?: string })[] = [];
  /** Told of each event before it is decided. */
  onEvent: (event: Event) => void = () => undefined;

  send(body: EventBody, settles?: string): Decision {
    this.at += 10;
    const event = { ...body, at: this.at, ...(settles === undefined ? {} : { settles }) };
    const before = this.state;
    this.onEvent(event);
    const decision = decide(before, event);
    this.pending = this.pending.filter(({ id }) => id !== settles);
    this.events.push(body);
    if (decision.refusal !== null) return decision;
    this.state = decision.state;
    const broken = brokenRules(before, event, decision, { lastTable: this.tables.at(-1) ?? null });
    if (broken.length > 0) throw new Error(`${event.kind}: ${broken.join("; ")}`);
    this.pending.push(...decision.commands);
    this.ordered.push(...decision.commands);
    this.notes.push(...decision.notes.map(({ text }) => text));
    for (const command of decision.commands) if (command.kind === "traffic.apply") this.tables.push(command.table);
    return decision;
  }

  /** Answers the command as a world without faults would. */
  answer(command: Command): Decision {
    return this.send(goodAnswer(command, this), command.id);
  }

  /** Answers everything, and what follows from that, except commands for which `spare` is true. */
  settle(spare: (command: Command) => boolean = () => false): this {
    for (let round = 0; round < 5_000; round += 1) {
      const next = this.pending.find((command) => !spare(command));
      if (next === undefined) return this;
      this.answer(next);
    }
    throw new Error("it does not come to rest");
  }

  /** Goes on until a command of the kind is pending, and gives it unanswered; null if it comes to rest without one. */
  until(kind: CommandKind): Command | null {
    for (let round = 0; round < 5_000; round += 1) {
      const found = this.pending.find((command) => command.kind === kind);
      if (found !== undefined) return found;
      const [next] = this.pending;
      if (next === undefined) return null;
      this.answer(next);
    }
    throw new Error("it does not come to rest");
  }

  /** The daemon ends and another takes up the state, with those instances alive. */
  recover(alive = this.instances().map(({ name }) => name)): Decision {
    const unsettled = this.pending;
    this.pending = [];
    const decision = this.send({ kind: "engine.recovered", epoch: this.state.epoch + 1, alive });
    for (const command of unsettled) {
      if (isStillWanted(this.state, command)) this.pending.push(command);
      else this.send({ kind: "command.done" }, command.id);
    }
    return decision;
  }

  deploy(spec: AppSpec = webOnly(3), more: Partial<Extract<EventBody, { kind: "deploy.requested" }>> = {}): Decision {
    this.#spec = spec;
    return this.send({ kind: "deploy.requested", by: "alice", spec, strategy: null, batch: null, force: false, ...more });
  }

  rollback(release: string | null = null): Decision {
    return this.send({ kind: "rollback.requested", by: "alice", release });
  }

  scale(counts: Readonly<Record<string, number>>): Decision {
    return this.send({ kind: "scale.requested", by: "alice", counts });
  }

  ask(verb: "restart" | "abort" | "promote" | "halt" | "continue" | "retry" | "suspend" | "resume" | "queue.clear"): Decision {
    return this.send({ kind: `${verb}.requested`, by: "alice" });
  }

  get spec(): AppSpec {
    return this.#spec;
  }

  instances(): readonly Instance[] {
    return all(this.state);
  }

  /** `r2 r2 r1`: the releases of the instances that serve, with one word each. */
  serving(): string {
    return this.instances()
      .filter(({ status, routed }) => status === "serving" && routed)
      .map(({ release }) => release)
      .toSorted()
      .join(" ");
  }

  last(): Deployment {
    if (this.state.deployment === null) throw new Error("nothing was deployed");
    return this.state.deployment;
  }

  isRunning(): boolean {
    return running(this.state) !== null;
  }

  #spec: AppSpec = webOnly(3);
}

/** An app on which so many releases were deployed, one after the other. */
export function deployed(releases: number, spec: AppSpec = webOnly(3)): CoreRun {
  const run = new CoreRun();
  for (let release = 1; release <= releases; release += 1) {
    run.deploy(spec);
    run.settle();
  }
  return run;
}

function goodAnswer(command: Command, run: CoreRun): EventBody {
  switch (command.kind) {
    case "release.create":
      return { kind: "release.created", record: recordOf(command.release, run) };
    case "release.prune":
      return { kind: "release.pruned", releases: [] };
    case "freeze.look":
      return { kind: "freeze.seen", release: command.release, frozen: null };
    case "instance.start":
      return {
        kind: "instance.started",
        instance: command.instance,
        pid: 100,
        host: "127.0.0.1",
        port: portOf(command.instance),
      };
    case "instance.awaitReady":
      return { kind: "instance.ready", instance: command.instance };
    case "instance.stop":
      return { kind: "instance.stopped", instance: command.instance, how: "exited" };
    case "traffic.apply":
      return { kind: "traffic.applied", revision: command.table.revision };
    case "traffic.remove":
      return { kind: "traffic.removed" };
    case "traffic.drain":
      return { kind: "traffic.drained", instances: command.instances, cut: 0 };
    case "ledger.open":
      return { kind: "ledger.opened", snapshot: null, before: [], beforeMs: 0 };
    case "ledger.close":
      return { kind: "ledger.closed", snapshot: null };
    case "traffic.quiet":
      return { kind: "traffic.quiet", quiet: true };
    case "timer.set":
      return { kind: "timer.fired", timer: command.timer };
    case "task.run":
      return { kind: "task.ended", task: command.task, result: { verdict: "pass", summary: "it passed" } };
    case "release.discard":
    case "task.cancel":
    case "task.conclude":
    case "notify":
      return { kind: "command.done" };
  }
}

function recordOf(release: string, { at, spec }: CoreRun): Extract<EventBody, { kind: "release.created" }>["record"] {
  const digest = { contentHash: release, identity: release, gitCommit: null, gitDirty: false };
  return { release, createdAt: at, ...digest, files: 1, bytes: 1, spec, envNames: {} };
}

function portOf(instance: string): number {
  return 20_000 + Number(instance.split(".").at(-1));
}
