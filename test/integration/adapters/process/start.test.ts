import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { findByEnvironment } from "../../../../src/adapters/process/proc.ts";
import { instanceFiles, runs, SOFTLY, testFleet } from "../../../support/fleet.ts";
import { APP, request } from "../../../support/fleet-request.ts";
import { temporaryDirectory, until } from "../../../support/temp.ts";

const logOf = (state: string, instance = "web.r1.1"): string =>
  readFileSync(join(state, "apps", APP, "logs", `${instance}.log`), "utf8");

describe("an instance", () => {
  test("gets its port, its names and the release's environment, and nothing else of the daemon's", async () => {
    process.env["DAEMON_SECRET"] = "leaked";
    process.env["LC_TIME"] = "C";
    onTestFinished(() => {
      delete process.env["DAEMON_SECRET"];
      delete process.env["LC_TIME"];
    });
    const { fleet, state, exits } = testFleet();
    const started = await fleet.start(
      request(["/usr/bin/env", "-0"], { env: { GREETING: "hello world", PORT: "1", HITLESS_APP: "forged" } }),
    );
    await until(() => exits.length === 1);

    const env = Object.fromEntries(
      logOf(state)
        .split("\0")
        .filter((line) => line !== "")
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
    expect(env).toMatchObject({
      PORT: String(started.port),
      HOST: "127.0.0.1",
      HITLESS_APP: APP,
      HITLESS_RELEASE: "r1",
      HITLESS_INSTANCE: "web.r1.1",
      GREETING: "hello world",
      LC_TIME: "C",
      PATH: process.env["PATH"],
    });
    const allowed =
      /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|TZ|TMPDIR|XDG_RUNTIME_DIR|LC_\w+|PORT|HOST|HITLESS_(?:APP|RELEASE|INSTANCE|TOKEN)|GREETING)$/;
    expect(Object.keys(env).filter((name) => !allowed.test(name))).toEqual([]);
  });

  test("scenario 20: gets a port for its health checks by the variable that the release names, and keeps it for a second daemon", async () => {
    const { fleet, state } = testFleet();
    const asked = request("echo $ADMIN_PORT; exec sleep 60", { env: { ADMIN_PORT: "1" }, healthPortVariable: "ADMIN_PORT" });
    const started = await fleet.start(asked);
    expect(started.healthPort).not.toBe(started.port);
    await until(() => logOf(state) === `${String(started.healthPort)}\n`);
    expect(await testFleet(state).fleet.start(asked)).toEqual(started);
  });

  test("inherits no descriptor but its three, and leads a process group in its release's directory", async () => {
    const { fleet, state } = testFleet();
    const directory = temporaryDirectory();
    const { pid } = await fleet.start(request("echo ready; while :; do sleep 30; done", { directory }));
    await until(() => logOf(state) === "ready\n");

    expect(readdirSync(`/proc/${pid}/fd`).filter((fd) => Number(fd) <= 9)).toEqual(["0", "1", "2"]);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    expect(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2])).toBe(pid);
    expect(readFileSync(`/proc/${pid}/environ`, "utf8").split("\0")).toContain("HITLESS_INSTANCE=web.r1.1");
  });

  test("writes its log file itself, which only the owner may read", async () => {
    const { fleet, state, exits } = testFleet();
    await fleet.start(request("echo out; echo err >&2; readlink /proc/self/fd/1"));
    await until(() => exits.length === 1);
    const path = join(state, "apps", APP, "logs", "web.r1.1.log");
    expect(logOf(state)).toBe(`out\nerr\n${path}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await fleet.logTail(APP, "web.r1.1", 2)).toEqual(["err", path]);
  });

  test("is recorded for the owner only, with its token in its environment", async () => {
    const { fleet, state } = testFleet();
    const { pid } = await fleet.start(request("sleep 60"));
    expect(statSync(join(state, "apps", APP, "instances", "web.r1.1.json")).mode & 0o777).toBe(0o600);
    const record = await instanceFiles(state).read("web.r1.1");
    expect(record?.process?.pid).toBe(pid);
    expect(findByEnvironment(`HITLESS_TOKEN=${record!.token}`)).toEqual([pid]);
  });

  test("is the program itself where the command is a plain line, so that signals reach it", async () => {
    const { fleet } = testFleet();
    const { pid } = await fleet.start(request("sleep 60"));
    await until(() => readFileSync(`/proc/${pid}/cmdline`, "utf8") === "sleep\x0060\0");
  });

  test("finds its command by a PATH of its own that is relative to the release", async () => {
    const { fleet, exits, state } = testFleet();
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "serve"), "#!/bin/sh\necho mine\n", { mode: 0o755 });
    await fleet.start(request("serve", { directory, env: { PATH: `.:${process.env["PATH"]!}` } }));
    await until(() => exits.length === 1);
    expect(exits[0]?.how).toBe("exited with code 0");
    expect(logOf(state)).toBe("mine\n");
  });
});

describe("a command that does not exist", () => {
  test.each([
    ["an argument list", ["no-such-program", "--port", "1"]],
    ["a plain line", "no-such-program --port 1"],
    ["a path", ["./bin/no-such-program"]],
    ["nothing at all", ""],
    ["an empty list", []],
  ])("is refused before anything runs: %s", async (_title, command) => {
    const { fleet, state, exits } = testFleet();
    const directory = temporaryDirectory();
    await expect(fleet.start(request(command, { directory }))).rejects.toMatchObject({ code: "ERR_COMMAND_NOT_FOUND" });
    expect(await instanceFiles(state).all()).toEqual([]);
    expect(exits).toEqual([]);
  });

  test("is told apart from one that may not be executed", async () => {
    const { fleet } = testFleet();
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "serve"), "#!/bin/sh\n", { mode: 0o644 });
    await expect(fleet.start(request(["./serve"], { directory }))).rejects.toThrow(/serve is there but not executable/);
  });

  test("is refused where its interpreter is missing, and nothing is recorded", async () => {
    const { fleet, state } = testFleet();
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "serve"), "#!/no/such/interpreter\n", { mode: 0o755 });
    await expect(fleet.start(request(["./serve"], { directory }))).rejects.toMatchObject({ code: "ERR_COMMAND_NOT_FOUND" });
    expect(await instanceFiles(state).all()).toEqual([]);
  });

  test("inside a shell line ends the instance with 127 and the shell's words", async () => {
    const { fleet, exits } = testFleet();
    await fleet.start(request("NODE_ENV=production no-such-program --port $PORT"));
    await until(() => exits.length === 1);
    expect(exits[0]).toEqual({ app: APP, instance: "web.r1.1", how: "exited with code 127" });
    expect((await fleet.logTail(APP, "web.r1.1", 5)).join("\n")).toMatch(/no-such-program.*not found/);
  });
});

describe("an instance that ends by itself", () => {
  test("is reported once, with its exit code and its last words", async () => {
    const { fleet, exits } = testFleet();
    await fleet.start(request("echo first; echo 'cannot bind' >&2; exit 3"));
    await until(() => exits.length > 0);
    expect(await fleet.logTail(APP, "web.r1.1", 10)).toEqual(["first", "cannot bind"]);
    await fleet.start(request("sleep 60", { instance: "web.r1.2" }));
    await pastTheNextLook();
    expect(exits).toEqual([{ app: APP, instance: "web.r1.1", how: "exited with code 3" }]);
  });

  test("is reported with the signal that ended it", async () => {
    const { fleet, exits } = testFleet();
    const { pid } = await fleet.start(request("sleep 60"));
    process.kill(pid, "SIGKILL");
    await until(() => exits.length > 0);
    expect(exits.map((exit) => exit.how)).toEqual(["was ended by SIGKILL"]);
  });

  test("is reported once and with its code although the daemon was too busy to notice at once", async () => {
    const { fleet, exits } = testFleet();
    const { pid } = await fleet.start(request("while [ ! -e /proc/$PPID/nothing ]; do read line < /proc/self/stat; done"));
    await fleet.adopt(APP);
    process.kill(pid, "SIGTERM");
    // The watch's timer and the kernel's word come due in the same turn: the timer is looked at first.
    const blockedUntil = performance.now() + 600;
    while (performance.now() < blockedUntil);
    await pastTheNextLook();
    expect(exits.map((exit) => exit.how)).toEqual(["was ended by SIGTERM"]);
  });
});

describe("a start that is repeated under the same name", () => {
  test("gives the recorded process", async () => {
    const { fleet, state } = testFleet();
    const first = await fleet.start(request("sleep 60"));
    const record = await instanceFiles(state).read("web.r1.1");
    expect(await fleet.start(request("sleep 60"))).toEqual(first);
    expect(findByEnvironment(`HITLESS_TOKEN=${record!.token}`)).toEqual([first.pid]);
  });

  test("never gives a second process after the first has ended: its exit is reported instead", async () => {
    const state = temporaryDirectory();
    const before = testFleet(state);
    const first = await before.fleet.start(request("echo once >> ran", { directory: state }));
    await until(() => before.exits.length === 1);
    before.fleet.close();

    const { fleet, exits } = testFleet(state);
    expect(await fleet.start(request("echo once >> ran", { directory: state }))).toEqual(first);
    await until(() => exits.length > 0);
    expect(exits).toEqual([{ app: APP, instance: "web.r1.1", how: "is gone" }]);
    expect(readFileSync(join(state, "ran"), "utf8")).toBe("once\n");
  });

  test("of another fleet object has the exit reported there", async () => {
    const first = testFleet();
    const { pid } = await first.fleet.start(request("sleep 60"));
    first.fleet.close();
    const second = testFleet(first.state);
    expect((await second.fleet.start(request("sleep 60"))).pid).toBe(pid);
    process.kill(pid, "SIGKILL");
    await until(() => second.exits.length > 0);
    expect(second.exits.map((exit) => exit.how)).toEqual(["is gone"]);
    expect(first.exits).toEqual([]);
  });
});

describe("many instances", () => {
  test("started together get ports of their own", async () => {
    const { fleet } = testFleet();
    const names = Array.from({ length: 50 }, (_, index) => `web.r1.${index + 1}`);
    const started = await Promise.all(names.map((instance) => fleet.start(request("sleep 60", { instance }))));
    expect(new Set(started.map(({ port }) => port)).size).toBe(50);
    expect(started.every(({ pid }) => runs(pid))).toBe(true);
  });

  test("that come and go leave no descriptor, no process and no record", async () => {
    const { fleet, state, exits } = testFleet();
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const cycle = async (number: number): Promise<number> => {
      const instance = `web.r1.${number}`;
      const { pid } = await fleet.start(request("sleep 60 & wait", { instance }));
      expect(await fleet.stop(APP, instance, SOFTLY)).toBe("exited");
      return pid;
    };
    await cycle(0);
    const before = descriptors();
    const pids: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      pids.push(...(await Promise.all([1, 2, 3, 4, 5].map((number) => cycle(round * 5 + number)))));
    }
    expect(new Set(pids).size).toBe(50);
    await until(() => descriptors() <= before, { what: `descriptors back to ${before}` });
    expect(pids.filter(runs)).toEqual([]);
    expect(readdirSync(join(state, "apps", APP, "instances"))).toEqual([]);
    expect(exits).toEqual([]);
  });
});

/** Two looks at the processes: whatever would be reported a second time has been. */
async function pastTheNextLook(): Promise<void> {
  const from = performance.now();
  await until(() => performance.now() - from > 600);
}
