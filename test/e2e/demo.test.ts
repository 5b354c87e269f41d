import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, onTestFailed, onTestFinished, test } from "vitest";
import { processesOf } from "../support/processes.ts";
import { temporaryDirectory, until } from "../support/temp.ts";

/** As long as it may take on a machine that is busy with other things. */
const LIMIT_MS = 240_000;

const DEMO = fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url));

test(
  "`npm start`, shortened: its checks hold, its exit code is 0, and nothing is left behind",
  async () => {
    const demo = new Demo();
    expect(await demo.ended(), demo.output).toBe(0);
    expect(demo.output).toContain("none lost");
    expect(demo.output).toMatch(/0001-product-names: done .*\n(.*\n)*.*expand: done/);
    expect(demo.output).toMatch(/The deployment would be about \d+ s shorter/);
    expect(demo.output).toContain("12000 orders of the shop before, 0 not as release 2 wants them");
    expect(demo.output).not.toContain("✖");
    expect(demo.leftBehind()).toEqual([]);
  },
  LIMIT_MS,
);

test(
  "Ctrl-C in the middle of the upgrade: it says so, its exit code is 1, and nothing is left behind",
  async () => {
    const demo = new Demo();
    await until(() => demo.output.includes("retiring web.r1"), { within: 200_000, what: "the upgrade is under way" });
    demo.interrupt();
    expect(await demo.ended(), demo.output).toBe(1);
    expect(demo.output).toContain("ended by SIGINT");
    expect(demo.leftBehind()).toEqual([]);
  },
  LIMIT_MS,
);

/** The demo with a directory for temporary files of its own, so that all that it makes can be found. */
class Demo {
  output = "";
  readonly #directory = temporaryDirectory();
  readonly #child: ChildProcess;
  readonly #end: Promise<unknown>;

  constructor() {
    // Its PostgreSQL runs as another user where this one is root.
    chmodSync(this.#directory, 0o755);
    this.#child = spawn(process.execPath, [DEMO, "--requests", "4000"], {
      env: { ...process.env, TMPDIR: this.#directory },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on("data", (text) => (this.output += String(text)));
    this.#end = once(this.#child, "close");
    onTestFailed(() => {
      process.stderr.write(this.output);
    });
    onTestFinished(() => {
      for (const { pid } of processesOf(this.#directory)) process.kill(pid, "SIGKILL");
    });
  }

  /** A terminal gives Ctrl-C to the whole process group. */
  interrupt(): void {
    process.kill(-(this.#child.pid ?? 0), "SIGINT");
  }

  async ended(): Promise<number | null> {
    await this.#end;
    return this.#child.exitCode;
  }

  leftBehind(): readonly string[] {
    return [...processesOf(this.#directory).map(({ command }) => command), ...readdirSync(this.#directory)];
  }
}
