import { expect, onTestFinished, test } from "vitest";
import { silentLogger } from "../../../../src/base/log.ts";
import { SESSION_URL } from "../../../../src/base/session-move.ts";
import { newApp } from "../../../../src/core/new-app.ts";
import { newMove } from "../../../../src/core/session-move/changes.ts";
import type { SessionMove } from "../../../../src/core/session-move/move.ts";
import { USUAL_SERVER, type SessionsSpec } from "../../../../src/core/sessions-spec.ts";
import type { AppState } from "../../../../src/core/state.ts";
import { ServerRest } from "../../../../src/engine/sessions/server-rest.ts";
import type { RestingServers } from "../../../../src/ports/session-servers.ts";
import { SimClock } from "../../../../sim/clock.ts";

const NAMES_SERVER: SessionsSpec = { server: USUAL_SERVER };
const ASP_NET: SessionsSpec = { server: { ...USUAL_SERVER, aspNet: { host: "127.0.0.1", port: 42_424 } } };
const NAMES_OTHER: SessionsSpec = {};

/** One app with a state server, over a clock that tests move on. */
class Scene {
  readonly clock = new SimClock();
  state: AppState;
  move: SessionMove | null = null;
  inUse = false;
  visits = 1;
  rested = false;

  /** What releases name, the active one last. */
  constructor(...named: readonly SessionsSpec[]) {
    const names = named.map((_, at) => `r${String(at + 1)}`);
    const releases = Object.fromEntries(names.map((name, at) => [name, { spec: { sessions: named[at] } }]));
    this.state = { ...newApp("shop"), active: names.at(-1) ?? null, promoted: names, releases: releases as never };
    const servers: RestingServers = {
      awake: () => (this.rested ? [] : ["shop"]),
      use: () => Promise.resolve({ inUse: this.inUse, visits: this.visits }),
      rest: (_app, visits) => Promise.resolve((this.rested = visits === this.visits && !this.inUse)),
    };
    const workplace = () => Promise.resolve({ env: { [SESSION_URL]: "redis://other" } } as never);
    const moves = { of: () => this.move };
    const { clock } = this;
    const rest = new ServerRest({ clock, servers, moves, releases: { workplace }, state: () => this.state, log: silentLogger });
    rest.start();
    onTestFinished(() => {
      rest.stop();
    });
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.clock.now() + ms; this.clock.now() < end;) {
      await new Promise(setImmediate);
      this.clock.step();
    }
    await new Promise(setImmediate);
  }
}

function moveOf(phase: SessionMove["phase"], from: "ours" | "other" = "ours"): SessionMove {
  const places = [{ url: "redis://own", ours: true } as const, { url: "redis://other" }] as const;
  const [first, second] = from === "ours" ? places : [places[1], places[0]];
  return { ...newMove({ id: "m", app: "shop", by: "ada", at: 0, from: first, to: second }, null), phase };
}

test("a state server that no release names any more is laid to rest after a minute, and not sooner", async () => {
  const scene = new Scene(NAMES_SERVER, NAMES_OTHER);
  await scene.pass(50_000);
  expect(scene.rested).toBe(false);
  await scene.pass(30_000);
  expect(scene.rested).toBe(true);
});

test.each([
  ["is connected", (scene: Scene) => (scene.inUse = true)],
  ["comes now and then", (scene: Scene) => (scene.visits += 1)],
])("it goes on while somebody %s, and for a minute after that", async (_, come) => {
  const scene = new Scene(NAMES_OTHER);
  for (let minute = 0; minute < 5; minute += 1) {
    await scene.pass(30_000);
    come(scene);
  }
  await scene.pass(50_000);
  expect(scene.rested).toBe(false);
  scene.inUse = false;
  await scene.pass(80_000);
  expect(scene.rested).toBe(true);
});

const standby = { release: "r1", generation: 1, until: 1e15 };
const queued = { release: "r1" } as never;
const deployment = { outcome: null } as never;
const needed: readonly [string, () => Scene][] = [
  ["the active release", () => new Scene(NAMES_SERVER)],
  ["one on standby", () => withState(new Scene(NAMES_SERVER, NAMES_OTHER), { standby })],
  ["one that is queued", () => withState(new Scene(NAMES_SERVER, NAMES_OTHER), { queued })],
  ["a deployment that may go back", () => withState(new Scene(NAMES_SERVER, NAMES_OTHER), { deployment })],
  ["a move that is not over", () => withMove(new Scene(NAMES_SERVER), moveOf("finishing"))],
  ["the sessions, which were moved there", () => withMove(new Scene(NAMES_OTHER), moveOf("done", "other"))],
  ["the sessions, whose move away went back", () => withMove(new Scene(NAMES_SERVER), moveOf("aborted"))],
  ["web servers with ASP.NET, whose sessions did not move", () => withMove(new Scene(ASP_NET), moveOf("done"))],
];
test.each(needed)("it goes on for %s", async (_, scene) => {
  const found = scene();
  await found.pass(300_000);
  expect(found.rested).toBe(false);
});

test("after a move a release that names it does not need it", async () => {
  const scene = withMove(new Scene(NAMES_SERVER), moveOf("done"));
  await scene.pass(80_000);
  expect(scene.rested).toBe(true);
});

function withState(scene: Scene, more: Partial<AppState>): Scene {
  scene.state = { ...scene.state, ...more };
  return scene;
}

function withMove(scene: Scene, move: SessionMove): Scene {
  scene.move = move;
  return scene;
}
