import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { openSync, closeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { temporaryDirectory, until } from "../temp.ts";
import { processesOf } from "../processes.ts";
import { RedisWire } from "./redis-wire.ts";

const MAIN = fileURLToPath(new URL("../../../src/app/state-server.ts", import.meta.url));

/** The state server as a program. Every generation of it ends with the running test. */
export class StateServerProgram {
  readonly directory: string;
  child: ChildProcess | null = null;
  readonly #args: readonly string[];

  private constructor(directory: string, args: readonly string[]) {
    this.directory = directory;
    this.#args = args;
    onTestFinished(async () => {
      for (const { pid } of this.processes()) kill(pid);
      await until(() => this.processes().length === 0, { what: "the state server's processes end" });
    });
  }

  static started(...args: readonly string[]): Promise<StateServerProgram> {
    return StateServerProgram.startedIn(temporaryDirectory(), ...args);
  }

  static async startedIn(directory: string, ...args: readonly string[]): Promise<StateServerProgram> {
    const program = new StateServerProgram(directory, args);
    await program.start();
    return program;
  }

  get log(): string {
    return readFileSync(join(this.directory, "server.log"), "utf8");
  }

  get socket(): string {
    return join(this.directory, "data", "redis.sock");
  }

  get data(): string {
    return join(this.directory, "data");
  }

  async start(): Promise<void> {
    this.spawn();
    await until(() => this.answers(), { what: "the state server answers", within: 30_000 });
  }

  spawn(): ChildProcess {
    const output = openSync(join(this.directory, "server.log"), "a");
    const listen = this.#args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    this.child = spawn(process.execPath, [MAIN, "--data", this.data, ...listen, ...this.#args], {
      stdio: ["ignore", output, output],
      detached: true,
    });
    closeSync(output);
    return this.child;
  }

  async answers(): Promise<boolean> {
    const wire = await this.connect().catch(() => null);
    if (wire === null) return false;
    await wire.call("PING").catch(() => null);
    wire.close();
    return true;
  }

  /** Of the generation that wrote last that it is ready. */
  get port(): number {
    const ready = this.log.split("\n").filter((line) => line.includes("is ready"));
    return Number(/127\.0\.0\.1:(\d+)/.exec(ready.at(-1)!)![1]);
  }

  connect(): Promise<RedisWire> {
    return RedisWire.connect({ path: this.socket });
  }

  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.child!.once("exit", resolve));
    this.child!.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    for (const { pid } of this.processes()) process.kill(pid, "SIGTERM");
    await until(() => this.processes().length === 0, { what: "the state server ends" });
  }

  processes(): readonly { readonly pid: number }[] {
    return processesOf(this.directory).filter(({ command }) => command.includes(MAIN));
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
