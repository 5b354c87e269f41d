import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { JobFiles } from "../../../../src/adapters/process/job-files.ts";
import { ProcessJobs } from "../../../../src/adapters/process/jobs.ts";
import { bootId, findByEnvironment } from "../../../../src/adapters/process/proc.ts";
import type { JobEnd, JobRequest } from "../../../../src/ports/jobs.ts";
import { runs } from "../../../support/fleet.ts";
import { temporaryDirectory, until } from "../../../support/temp.ts";

const RUNNER = join(import.meta.dirname, "job-runner.ts");
const APP = "shop";
const JOB = "d1/hook";

interface Bench {
  readonly state: string;
  readonly jobs: ProcessJobs;
  readonly files: JobFiles;
  readonly shown: string[];
  run(command: string | readonly string[], options?: Partial<JobRequest> & { env?: Record<string, string> }): Promise<JobEnd>;
}

function bench(): Bench {
  const state = temporaryDirectory();
  const jobs = new ProcessJobs(state);
  const shown: string[] = [];
  onTestFinished(() => jobs.cancel(APP, JOB));
  return {
    state,
    jobs,
    files: new JobFiles(join(state, "apps", APP), JOB),
    shown,
    run: (command, { env = {}, ...options } = {}) =>
      jobs.run(
        { app: APP, job: JOB, launch: { directory: state, command, env }, timeoutMs: 30_000, secrets: [], ...options },
        { onOutput: (lines) => shown.push(...lines), signal: new AbortController().signal },
      ),
  };
}

function count(path: string): number {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
}

describe("a job", () => {
  test("gives its exit code and its last lines, and shows what it prints while it prints", async () => {
    const its = bench();
    const end = its.run("echo one; until test -e go; do sleep 0.01; done; echo two >&2; printf three; exit 3");
    await until(() => its.shown.includes("one"));
    expect(its.shown).toEqual(["one"]);
    writeFileSync(join(its.state, "go"), "");
    expect(await end).toEqual({ how: { kind: "exited", code: 3 }, tail: ["one", "two", "three"] });
    expect(its.shown).toEqual(["one", "two", "three"]);
  });

  test("runs in the directory with the environment, as a list without a shell", async () => {
    const its = bench();
    expect((await its.run(["/bin/sh", "-c", 'pwd; echo "$COLOUR"', "$HOME"], { env: { COLOUR: "red" } })).tail).toEqual([
      its.state,
      "red",
    ]);
  });

  test("that is asked for again is not run again: its end is given", async () => {
    const its = bench();
    await its.run("echo x >>ran; exit 2");
    expect((await its.run("echo x >>ran; exit 2")).how).toEqual({ kind: "exited", code: 2 });
    expect(count(join(its.state, "ran"))).toBe(1);
  });

  test("that is asked for by two at once runs once", async () => {
    const its = bench();
    const ends = await Promise.all([its.run("echo x >>ran; sleep 0.2"), its.run("echo x >>ran; sleep 0.2")]);
    expect(ends.map(({ how }) => how)).toContainEqual({ kind: "exited", code: 0 });
    expect(count(join(its.state, "ran"))).toBe(1);
  });

  test("whose command does not exist is refused, and nothing was started", async () => {
    const its = bench();
    await expect(its.run("no-such-program --now")).rejects.toMatchObject({ code: "ERR_COMMAND_NOT_FOUND" });
  });

  test("that takes too long is ended with everything it has started", async () => {
    const its = bench();
    const end = await its.run("(sleep 60 & echo $! >child; wait)", { timeoutMs: 300 });
    expect(end.how).toEqual({ kind: "timeout" });
    const child = Number(readFileSync(join(its.state, "child"), "utf8"));
    expect(runs(child)).toBe(false);
  });

  test("leaves nothing running in the background", async () => {
    const its = bench();
    await its.run("sleep 60 & echo $! >child");
    const child = Number(readFileSync(join(its.state, "child"), "utf8"));
    expect(runs(child)).toBe(false);
  });

  test("scenario 76: shows no secrets, though its own log has them", async () => {
    const its = bench();
    const end = await its.run('echo "to $URL"', {
      env: { URL: "pg://u:hunter2!@db/x" },
      secrets: ["pg://u:hunter2!@db/x", "hunter2!"],
    });
    expect(end.tail).toEqual(["to [hidden]"]);
    expect(its.shown).toEqual(["to [hidden]"]);
    expect(readFileSync(its.files.output, "utf8")).toContain("hunter2!");
  });

  test("that prints without end is shown only so far", async () => {
    const its = bench();
    await its.run("seq 1 5000");
    expect(its.shown).toHaveLength(1_001);
    expect(its.shown.at(-1)).toContain(its.files.output);
  });
});

describe("a cancelled job", () => {
  test("ends with everything it has started, and says so", async () => {
    const its = bench();
    const end = its.run("echo here; sleep 60");
    await until(() => its.shown.includes("here"));
    await its.jobs.cancel(APP, JOB);
    expect((await end).how).toEqual({ kind: "cancelled" });
  });

  test("that was never started never will be", async () => {
    const its = bench();
    await its.jobs.cancel(APP, JOB);
    expect((await its.run("echo x >ran")).how).toEqual({ kind: "cancelled" });
    expect(existsSync(join(its.state, "ran"))).toBe(false);
  });

  test("that has ended keeps its end", async () => {
    const its = bench();
    await its.run("exit 4");
    await its.jobs.cancel(APP, JOB);
    expect((await its.run("exit 4")).how).toEqual({ kind: "exited", code: 4 });
  });
});

describe("after kill -9 of who started it", () => {
  /** A first life that is killed once the job has printed a line. */
  async function firstLife(its: Bench, command: string): Promise<void> {
    const first = spawn(process.execPath, [RUNNER, its.state, its.state, command], { stdio: ["ignore", "pipe", "inherit"] });
    await once(first.stdout, "data");
    first.kill("SIGKILL");
    await once(first, "exit");
  }

  test("scenario 72: the job goes on, is watched on, and is not run twice", async () => {
    const its = bench();
    const command = "echo x >>ran; echo begun; until test -e go; do sleep 0.01; done; echo over; exit 7";
    await firstLife(its, command);
    const end = its.run(command);
    writeFileSync(join(its.state, "go"), "");
    expect((await end).how).toEqual({ kind: "exited", code: 7 });
    expect(its.shown.at(-1)).toBe("over");
    expect(count(join(its.state, "ran"))).toBe(1);
  });

  test("scenario 72: one that ended meanwhile gives its end", async () => {
    const its = bench();
    const command = "echo x >>ran; echo begun; until test -e go; do sleep 0.01; done; exit 7";
    await firstLife(its, command);
    writeFileSync(join(its.state, "go"), "");
    await until(() => its.files.exitCode() !== null);
    expect((await its.run(command)).how).toEqual({ kind: "exited", code: 7 });
    expect(count(join(its.state, "ran"))).toBe(1);
  });

  test("scenario 72: one that was killed too left a trace and no end: it is lost, and not repeated", async () => {
    const its = bench();
    const command = "echo x >>ran; echo begun; sleep 60";
    await firstLife(its, command);
    const record = await its.files.record();
    for (const pid of findByEnvironment(`HITLESS_JOB_TOKEN=${record!.token}`)) process.kill(pid, "SIGKILL");
    expect((await its.run(command)).how).toEqual({ kind: "lost" });
    expect(count(join(its.state, "ran"))).toBe(1);
  });

  test("one that was put on record but never begun is begun now", async () => {
    const its = bench();
    await its.files.writeRecord({ job: JOB, token: "t1", boot: bootId(), startedAt: 0, process: null });
    expect((await its.run("echo x >>ran")).how).toEqual({ kind: "exited", code: 0 });
    expect(count(join(its.state, "ran"))).toBe(1);
  });

  test("one of before the machine's last start is lost: what it did by then is not known", async () => {
    const its = bench();
    await its.files.writeRecord({ job: JOB, token: "t1", boot: "another", startedAt: 0, process: null });
    expect((await its.run("echo x >>ran")).how).toEqual({ kind: "lost" });
    expect(existsSync(join(its.state, "ran"))).toBe(false);
  });

  test("a wrapper that comes too late finds the job claimed and does nothing", async () => {
    const its = bench();
    await its.run("echo x >>ran");
    rmSync(join(its.files.directory, "exit"));
    expect((await its.run("echo x >>ran")).how).toEqual({ kind: "lost" });
    expect(count(join(its.state, "ran"))).toBe(1);
  });
});
