import { describe, expect, test } from "vitest";
import { scale } from "../../sim/scale.ts";
import { decide } from "../../src/core/decide.ts";
import type { Event } from "../../src/core/event.ts";
import type { AppState, InstanceBook } from "../../src/core/state.ts";
import { CoreRun, webOnly } from "../support/core-run.ts";

const BATCH = 20;

test("a rollout of a thousand instances in a hundred batches keeps every rule", async () => {
  const { violations, outcome, entries } = await scale(1_000, 100);
  expect(violations).toEqual([]);
  expect(outcome).toBe("done");
  // Started, ready and stopped, each; two tables, a drain and the opening and closing of the ledger beside.
  expect(entries).toBeLessThan(3 * 1_000 + 4 * 100 + 20);
});

describe("what a decision reads of the instances", () => {
  test("does not grow with their number as long as only one of them changes", () => {
    const small = readsPerEvent(200);
    const large = readsPerEvent(800);
    for (const kind of ["instance.started", "instance.ready", "instance.stopped"]) {
      const few = small.get(kind) ?? 0;
      const many = large.get(kind) ?? 0;
      expect(few, kind).toBeGreaterThan(0);
      // A shelf, the list of shelves (one for 64 instances), and what the batch's other instances are asked.
      expect(many, kind).toBeLessThan(1.5 * few);
    }
  });

  test("does not grow with the number of events that were", () => {
    const run = new CoreRun();
    run.deploy(webOnly(3));
    run.settle();
    const first = deployed(run);
    for (let times = 0; times < 50; times += 1) deployed(run);
    expect(deployed(run)).toBe(first);
  });
});

/** Reads by all events of one more deployment. */
function deployed(run: CoreRun): number {
  const from = run.state;
  const events: Event[] = [];
  run.onEvent = (event) => events.push(event);
  run.deploy(webOnly(3));
  run.settle();
  return readsOf(from, events).reduce((sum, { reads }) => sum + reads, 0);
}

/** The middle number of reads for each kind of event, of a rollout of so many instances. */
function readsPerEvent(instances: number): ReadonlyMap<string, number> {
  const run = new CoreRun();
  run.deploy(webOnly(instances, { kind: "count", count: instances }));
  run.settle();
  const from = run.state;
  const events: Event[] = [];
  run.onEvent = (event) => events.push(event);
  run.deploy(webOnly(instances, { kind: "count", count: BATCH }));
  run.settle();
  const reads = Map.groupBy(readsOf(from, events), ({ kind }) => kind);
  return new Map([...reads].map(([kind, all]) => [kind, middle(all.map((one) => one.reads))]));
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

interface Reads {
  readonly kind: string;
  readonly reads: number;
}

/** Decides each event once more, with a book that counts how often it or one of its shelves is looked into. */
function readsOf(from: AppState, events: readonly Event[]): readonly Reads[] {
  let state = from;
  return events.map((event) => {
    const counter = { reads: 0 };
    decide({ ...state, instances: counted(state.instances, counter) }, event);
    state = decide(state, event).state;
    return { kind: event.kind, reads: counter.reads };
  });
}

function counted<T extends InstanceBook | InstanceBook[string]>(record: T, counter: { reads: number }): T {
  return new Proxy(record, {
    get: (target, name) => {
      counter.reads += 1;
      const value: unknown = Reflect.get(target, name);
      return isShelf(value) ? counted(value, counter) : value;
    },
  });
}

function isShelf(value: unknown): value is InstanceBook[string] {
  return typeof value === "object" && value !== null && !("name" in value);
}
