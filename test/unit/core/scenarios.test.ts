import { describe, expect, test } from "vitest";
import type { Command } from "../../../src/core/command.ts";
import { CoreRun, deployed, webOnly } from "../../support/core-run.ts";

/** How many targets each table of the run has, from the given one on. */
function sizes({ tables }: CoreRun, from = 0): readonly number[] {
  return tables.slice(from).map(({ pools }) => pools.reduce((sum, { targets }) => sum + targets.length, 0));
}

function kinds({ ordered }: CoreRun, from: number): readonly string[] {
  return ordered.slice(from).map(({ kind }) => kind);
}

test("scenario 1: after the deployment of one instance every request is the new release's, and there was always one", () => {
  const run = deployed(1, webOnly(1));
  const before = run.tables.length;
  run.deploy(webOnly(1));
  run.settle();
  expect(sizes(run, before)).toEqual([2, 1]);
  expect(run.serving()).toBe("r2");
});

test("scenario 5: one that cannot stand beside its successor is stopped first, while the proxy has the app and holds its requests", () => {
  const bounds = { surge: { kind: "count", count: 0 }, maxUnavailable: { kind: "count", count: 1 } } as const;
  const spec = { ...webOnly(1), rollout: { ...webOnly(1).rollout, ...bounds } };
  const run = deployed(1, spec);
  const [tables, commands] = [run.tables.length, run.ordered.length];
  run.deploy(spec);
  run.settle();
  expect(sizes(run, tables)).toEqual([1, 0, 1]);
  const order = kinds(run, commands).filter((kind) => kind === "instance.stop" || kind === "instance.start");
  expect(order).toEqual(["instance.stop", "instance.start"]);
  expect(kinds(run, commands)).not.toContain("traffic.remove");
  expect(run.tables.at(-2)?.proxy.holdMs).toBeGreaterThan(0);
});

test("scenario 6: before the first release is ready the proxy has its address and no target, so that it holds, then answers 503", () => {
  const run = new CoreRun();
  run.deploy(webOnly(2));
  run.until("instance.awaitReady");
  expect(sizes(run)).toEqual([0]);
  expect(run.tables[0]?.listen).toEqual(run.spec.listen);
});

test("scenario 20: an instance with a port for its checks alone is asked there, before it serves and while it does", () => {
  const run = new CoreRun();
  run.deploy(webOnly(1));
  const start = run.until("instance.start") as Extract<Command, { kind: "instance.start" }>;
  const { instance } = start;
  run.send({ kind: "instance.started", instance, pid: 1, host: "127.0.0.1", port: 4001, healthPort: 4002 }, start.id);
  expect(run.until("instance.awaitReady")).toMatchObject({ instance, port: 4002 });
  run.settle();
  expect(run.tables.at(-1)?.pools[0]?.targets).toMatchObject([{ instance, port: 4001, healthPort: 4002 }]);
});

describe("scenarios 9 and 10: another size", () => {
  test.each(["while it runs", "while it is paused"] as const)("%s is refused, with what runs and how to go on", (when) => {
    const run = deployed(1, webOnly(2));
    run.deploy(webOnly(2));
    run.until("instance.awaitReady");
    if (when === "while it is paused") run.ask("halt");
    const { refusal } = run.scale({ web: 5 });
    expect(refusal).toMatchObject({ code: "ERR_DEPLOYMENT_RUNNING" });
    if (when === "while it is paused") run.ask("continue");
    run.settle();
    expect(run.serving()).toBe("r2 r2");
  });

  test("that was set before stays with the next release, and what is too much is drained before it is stopped", () => {
    const run = deployed(1, webOnly(2));
    run.scale({ web: 5 });
    run.settle();
    run.deploy(webOnly(2));
    run.settle();
    expect(run.serving()).toBe("r2 r2 r2 r2 r2");
    const before = run.ordered.length;
    run.scale({ web: 3 });
    run.settle();
    const order = kinds(run, before).filter((kind) => kind.startsWith("traffic.") || kind === "instance.stop");
    expect(order).toEqual(["traffic.apply", "traffic.drain", "instance.stop", "instance.stop"]);
  });
});

test("scenario 12: an app that is taken away finishes what is in flight before its address is given back", () => {
  const run = deployed(1, webOnly(2));
  const before = run.ordered.length;
  run.ask("suspend");
  run.settle();
  const order = kinds(run, before).filter((kind) => kind.startsWith("traffic.") || kind === "instance.stop");
  expect(order).toEqual(["traffic.apply", "traffic.drain", "instance.stop", "instance.stop", "traffic.remove"]);
});

test("scenario 97, on one host: where one process type fails, all of them are the old release's again", () => {
  const { web } = webOnly(2).processes;
  const worker = { ...web!, traffic: false, health: null };
  const spec = { ...webOnly(2), processes: { web: web!, worker } };
  const run = deployed(1, spec);
  run.deploy(spec);
  run.settle(({ kind }) => kind === "instance.awaitReady");
  const failing = run.pending.find((command) => command.kind === "instance.awaitReady" && command.instance.startsWith("worker"));
  const { instance } = failing as Extract<typeof failing, { kind: "instance.awaitReady" }>;
  run.send({ kind: "instance.unready", instance, failure: { code: "ERR_INSTANCE_UNREADY", what: "no" } }, failing?.id);
  run.settle();
  expect(run.last().outcome).toBe("rolled-back");
  expect(run.instances().map(({ release }) => release)).toEqual(["r1", "r1", "r1", "r1"]);
});
