import fc from "fast-check";
import { expect, test } from "vitest";
import { BUSY_POLICIES, type BusyPolicy, type RolloutSpec, type TasksSpec } from "../../../src/core/app-spec.ts";
import type { Command } from "../../../src/core/command.ts";
import { decide } from "../../../src/core/decide.ts";
import type { EventBody } from "../../../src/core/event.ts";
import { desiredCount } from "../../../src/core/instances.ts";
import { newApp } from "../../../src/core/new-app.ts";
import { CoreRun } from "../../support/core-run.ts";
import { SIM_ROLLOUTS, SIM_TASKS, simSpec } from "../../../sim/spec.ts";

/** One thing that happens to an app; `pick` chooses among whatever there is at that moment. */
type Happening =
  | { readonly kind: "answer" | "fail" | "lose" | "repeat" | "exit" | "refuse"; readonly pick: number }
  | {
      readonly kind: "ask";
      readonly verb: "rollback" | Parameters<CoreRun["ask"]>[0];
    }
  | {
      readonly kind: "deploy";
      readonly size: number;
      readonly rollout: Partial<RolloutSpec>;
      readonly tasks: TasksSpec | undefined;
      readonly whenBusy: BusyPolicy;
    }
  | { readonly kind: "scale"; readonly size: number }
  | { readonly kind: "recover"; readonly mask: number };

const pick = fc.nat(1_000);
const size = fc.integer({ min: 1, max: 5 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ kind: fc.constant("answer" as const), pick: fc.constant(0) }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("answer" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("fail", "repeat", "exit", "refuse"), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("scale" as const), size }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("deploy" as const),
      size,
      rollout: fc.constantFrom(...SIM_ROLLOUTS),
      tasks: fc.constantFrom(...SIM_TASKS),
      whenBusy: fc.constantFrom(...BUSY_POLICIES),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      verb: fc.constantFrom(
        "abort",
        "promote",
        "halt",
        "continue",
        "retry",
        "restart",
        "suspend",
        "resume",
        "rollback",
        "queue.clear",
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("recover" as const), mask: fc.nat(0xffff) }) },
);
const happenings = fc.array(happening, { minLength: 1, maxLength: 250, size: "max" });

function happen(run: CoreRun, what: Happening): void {
  switch (what.kind) {
    case "deploy":
      run.deploy(
        { ...simSpec("shop", what.size, 1 + (what.size % 3), what.rollout), tasks: what.tasks },
        { whenBusy: what.whenBusy },
      );
      return;
    case "scale":
      run.scale({ web: what.size });
      return;
    case "ask":
      if (what.verb === "rollback") run.rollback();
      else run.ask(what.verb);
      return;
    case "recover":
      run.recover(run.instances().flatMap(({ name }, index) => ((what.mask >> index) & 1 ? [] : [name])));
      return;
    default:
      happenToOne(run, what.kind, what.pick);
  }
}

function happenToOne(run: CoreRun, kind: Happening["kind"], index: number): void {
  const command = run.pending[index % Math.max(1, run.pending.length)];
  if (kind === "answer" && command !== undefined) run.answer(command);
  if (kind === "fail" && command !== undefined) run.send(failureOf(command), command.id);
  if (kind === "repeat") {
    const event = run.events[index % Math.max(1, run.events.length)];
    if (event !== undefined && isRepeatable(event)) run.send(event);
  }
  if (kind === "exit") {
    const instance = run.instances()[index % Math.max(1, run.instances().length)];
    if (instance !== undefined) run.send({ kind: "instance.exited", instance: instance.name, how: "is gone", logTail: [] });
  }
  if (kind === "refuse") {
    const apply = run.pending.find((pending) => pending.kind === "traffic.apply");
    if (apply !== undefined) run.send(failureOf(apply), apply.id);
  }
}

/** A process's word or a port's reply may come twice; an operator's request, a timer or a recovery is then a new one. */
function isRepeatable({ kind }: EventBody): boolean {
  return kind.startsWith("instance.") || kind === "traffic.applied" || kind === "traffic.refused" || kind === "release.created";
}

function failureOf(command: Command): EventBody {
  const failure = { code: "ERR_TIMEOUT", what: "No." } as const;
  switch (command.kind) {
    case "release.create":
      return { kind: "release.failed", release: command.release, failure };
    case "instance.start":
      return { kind: "instance.startFailed", instance: command.instance, failure };
    case "instance.awaitReady":
      return { kind: "instance.unready", instance: command.instance, failure };
    case "traffic.apply":
      return { kind: "traffic.refused", revision: command.table.revision, failure };
    case "instance.stop":
      return { kind: "instance.stopped", instance: command.instance, how: "gone" };
    case "traffic.drain":
      return { kind: "traffic.drained", instances: command.instances, cut: 1 };
    case "ledger.open":
      return { kind: "ledger.opened", snapshot: null, before: [], beforeMs: 0 };
    case "ledger.close":
      return { kind: "ledger.closed", snapshot: null };
    case "traffic.quiet":
      return { kind: "traffic.quiet", quiet: false };
    case "timer.set":
      return { kind: "timer.fired", timer: command.timer };
    case "release.prune":
      return { kind: "release.pruned", releases: [] };
    case "freeze.look":
      return { kind: "freeze.seen", release: command.release, frozen: null };
    case "task.run":
      return { kind: "task.ended", task: command.task, result: { verdict: "fail", summary: "No." } };
    case "release.discard":
    case "task.cancel":
    case "task.conclude":
    case "notify":
    case "traffic.remove":
      return { kind: "command.done" };
  }
}

test(
  "whatever happens in whatever order, every decision keeps the rules, and everything comes to rest as one whole release",
  { timeout: 60_000 },
  () => {
    fc.assert(
      fc.property(happenings, (all) => {
        const run = new CoreRun();
        run.deploy(simSpec("shop", 3, 1));
        for (const what of all) happen(run, what);
        run.settle();
        // What waits for an operator is told to go on.
        for (let time = 0; run.isRunning() && time < 10; time += 1) {
          run.ask("promote");
          run.settle();
        }
        expect(run.pending).toEqual([]);
        expect(run.isRunning()).toBe(false);
        expect(run.state.queued).toBeUndefined();
        const { active, suspended } = run.state;
        const web = active === null || suspended ? 0 : desiredCount(run.state, active, "web");
        const stable = run.instances().filter(({ generation }) => generation === run.state.generation);
        if (active !== null) expect(stable.filter(({ type, routed }) => type === "web" && routed)).toHaveLength(web);
        expect(run.instances().filter(({ status }) => status !== "serving")).toEqual([]);
        if (run.last().outcome === "failed") return;
        expect(run.serving()).toBe(Array.from({ length: web }, () => active).join(" "));
        expect(run.instances()).toHaveLength(active === null || suspended ? 0 : web + 1);
        if (run.state.routes.installed) expect(run.state.routes.appliedRevision).toBe(run.state.routes.revision);
      }),
      { numRuns: 400 },
    );
  },
);

test("decide is a function: the same state and event give the same decision, and neither is changed", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(happenings, (all) => {
      const run = new CoreRun();
      run.deploy(simSpec("shop", 2, 1));
      for (const what of all.slice(0, 60)) happen(run, what);
      const before = JSON.stringify(run.state);
      for (const body of run.events.slice(-10)) {
        const event = { ...body, at: run.at };
        const text = JSON.stringify(event);
        expect(decide(run.state, event)).toEqual(decide(JSON.parse(before) as typeof run.state, event));
        expect(JSON.stringify(event)).toBe(text);
      }
      expect(JSON.stringify(run.state)).toBe(before);
    }),
    { numRuns: 60 },
  );
});

test("events about what was never heard of change nothing and order nothing", () => {
  const failure = { code: "ERR_TIMEOUT", what: "No." } as const;
  const strangers: EventBody[] = [
    { kind: "release.unchanged", release: "r9" },
    { kind: "release.failed", release: "r9", failure },
    { kind: "release.pruned", releases: ["r9"] },
    { kind: "instance.startFailed", instance: "web.r9.9", failure },
    { kind: "instance.ready", instance: "web.r9.9" },
    { kind: "instance.unready", instance: "web.r9.9", failure },
    { kind: "instance.exited", instance: "web.r9.9", how: "is gone", logTail: [] },
    { kind: "instance.stopped", instance: "web.r9.9", how: "gone" },
    { kind: "traffic.removed" },
    { kind: "traffic.drained", instances: ["web.r9.9"], cut: 0 },
    { kind: "ledger.opened", snapshot: null, before: [], beforeMs: 0 },
    { kind: "ledger.closed", snapshot: null },
    { kind: "timer.fired", timer: "restart/web" },
    { kind: "timer.fired", timer: "nothing" },
    { kind: "command.done" },
  ];
  for (const body of strangers) {
    const decision = decide(newApp("shop"), { ...body, at: 1 });
    expect(decision).toEqual({ state: newApp("shop"), commands: [], notes: [], refusal: null });
  }
});
