import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Scene } from "../support/scene.ts";

const SYSTEM_NODE = "/usr/bin/node";

function openScene(): Scene {
  const scene = new Scene();
  onTestFinished(() => scene.close());
  return scene;
}

describe("the state directory", () => {
  test("cannot be made: the command says why, and which other one to name", async () => {
    const scene = openScene();
    writeFileSync(join(scene.root, "file"), "");
    const long = join(scene.root, "x".repeat(120));
    for (const [state, why] of [
      [join(scene.root, "file", "state"), "ENOTDIR"],
      [long, "too long for a unix socket"],
      ...(existsSync("/proc/self") ? ([["/proc/hitless/state", "ENOENT"]] as const) : []),
    ] as const) {
      for (const command of [["up"], ["up", "--foreground"]]) {
        const { code, err } = await scene.run([...command, "--state", state]);
        expect(code, err).toBe(3);
        for (const word of ["[ERR_STATE_DIRECTORY]", state, why, "--state or HITLESS_STATE"]) expect(err).toContain(word);
      }
    }
    expect(scene.processes()).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)("is not writable for this user (root can write all: as another user)", async () => {
    const scene = openScene();
    const state = join(scene.root, "readonly");
    mkdirSync(state, { mode: 0o755 });
    const { code, err } = await scene.run(["up", "--state", state], { uid: 65_534, env: { HOME: "/nonexistent" } });
    expect(code, err).toBe(3);
    for (const word of ["[ERR_STATE_DIRECTORY]", state]) expect(err).toContain(word);
    expect(scene.processes()).toEqual([]);
  });

  test("has one daemon: a second is refused with the pid of the first, and four `up` at once share one", async () => {
    const scene = openScene();
    const [first, ...others] = await Promise.all([scene.up(), scene.up(), scene.up(), scene.up()]);
    for (const other of others) expect(other.pid).toBe(first.pid);
    const { code, err } = await scene.run(["up", "--foreground"]);
    expect(code, err).toBe(5);
    for (const word of ["[ERR_DAEMON_RUNNING]", String(first.pid)]) expect(err).toContain(word);
    expect(statSync(join(scene.state, "daemon.sock")).mode & 0o777).toBe(0o600);
    expect(statSync(scene.state).mode & 0o777).toBe(0o700);
    expect(scene.processes().filter(({ command }) => command.includes("cli.ts daemon"))).toHaveLength(1);
    expect((await scene.down()).code).toBe(0);
    expect(scene.processes()).toEqual([]);
  });
});

test("without a daemon every command says how to start one, `down` has nothing to stop", async () => {
  const scene = openScene();
  const app = await scene.app();
  for (const args of [["status"], ["rollback"], ["report"], ["releases"], ["history"], ["logs"], ["scale", "web=2"], ["abort"]]) {
    const { code, err, out } = await app.run(args);
    expect([code, out], err).toEqual([7, ""]);
    for (const word of ["[ERR_DAEMON_UNREACHABLE]", join(scene.state, "daemon.sock"), "hitless up"]) expect(err).toContain(word);
  }
  const { code, out, err } = await app.run(["down", "--keep-instances"]);
  expect([code, out], err).toEqual([2, ""]);
  const json = await app.run(["status", "--json"]);
  expect(json.code).toBe(7);
  expect(JSON.parse(json.out)).toMatchObject({ code: "ERR_DAEMON_UNREACHABLE" });
  expect(existsSync(scene.state)).toBe(false);
});

test("a bad configuration: every problem at once, and nothing is started", async () => {
  const scene = openScene();
  const app = await scene.app();
  const bad = {
    app: "Shop!",
    listen: 99_999,
    procesess: {},
    processes: { web: { instances: -1, health: { interval: "soon" } } },
  };
  app.write("hitless.config.json", JSON.stringify(bad));
  const { code, out, err } = await app.run(["deploy"]);
  expect([code, out], err).toEqual([3, ""]);
  for (const word of [
    "[ERR_CONFIG_INVALID]",
    "Shop!",
    "99999",
    "procesess",
    "processes.web.command",
    "processes.web.instances",
    "-1",
    "processes.web.health.interval",
    "soon",
    "Nothing was started",
  ])
    expect(err).toContain(word);

  app.write("hitless.config.json", "{ app: ");
  const torn = await app.run(["deploy"]);
  expect(torn.code).toBe(3);
  expect(torn.err).toContain("[ERR_CONFIG_UNREADABLE]");

  app.configure({ env: { KEY: "env:NOT_SET_ANYWHERE" } }, { envFiles: ["missing.env"] });
  const missing = await app.run(["deploy"]);
  expect(missing.code).toBe(3);
  for (const word of ["[ERR_ENV_MISSING]", "NOT_SET_ANYWHERE", "missing.env"]) expect(missing.err).toContain(word);

  const nowhere = await scene.run(["deploy"]);
  expect(nowhere.code).toBe(3);
  for (const word of ["[ERR_CONFIG_NOT_FOUND]", "hitless.config.ts", "--config"]) expect(nowhere.err).toContain(word);
  expect(existsSync(scene.state)).toBe(false);
  expect(scene.processes()).toEqual([]);
});

const OLD_NODE = oldNode();

test.skipIf(OLD_NODE === null)(
  "on the system's old Node.js the command runs itself on the pinned one, or says what it needs",
  async () => {
    const scene = openScene();
    const node = OLD_NODE ?? "";
    const { version } = JSON.parse((await scene.run(["up", "--json"], { node })).out) as { version: string };
    expect(await scene.run(["--version"], { node })).toEqual({ code: 0, out: `${version}\n`, err: "" });
    const bad = await scene.run(["report", "--app", "nobody"], { node });
    expect(bad.code, bad.err).toBe(2);
    const refused = await scene.run(["--version"], { node, env: { HITLESS_NODE: "/already/tried" } });
    expect(refused).toMatchObject({ code: 3, out: "" });
    expect(refused.err).toMatch(/needs Node\.js 24\.15 or newer; this is \d+\.[^]*npm install[^]*ERR_NODE_TOO_OLD/);
  },
);

/** A Node.js of this machine that is too old, or null. */
function oldNode(): string | null {
  const version = spawnSync(SYSTEM_NODE, ["--version"], { encoding: "utf8" }).stdout;
  const [, major = ""] = /^v(\d+)\./.exec(version) ?? [];
  return major !== "" && Number(major) < 24 ? SYSTEM_NODE : null;
}
