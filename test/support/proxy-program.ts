import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { ProxyTraffic } from "../../src/adapters/proxy/traffic.ts";
import type { SuccessorProgram, UpgradeOutcome } from "../../src/api/proxy-control.ts";
import type { RouteTable, Target } from "../../src/core/routes.ts";
import { temporaryDirectory, until } from "./temp.ts";

const MAIN = fileURLToPath(new URL("../../src/proxy/main.ts", import.meta.url));
const READY_MS = 30_000;

/** The proxy as a program, without a daemon. Every generation of it ends with the running test. */
export class ProxyProgram {
  static readonly app = "shop";
  readonly state: string;
  readonly traffic: ProxyTraffic;
  readonly #port: number;
  /** Each generation is a process group: workers are known by it also when their holder has died. */
  readonly #groups = new Set<number>();
  #revision = 0;

  private constructor(state: string, port: number) {
    this.state = state;
    this.#port = port;
    this.traffic = new ProxyTraffic(state);
    onTestFinished(async () => {
      for (const pid of this.processes()) kill(pid);
      await until(() => this.processes().length === 0, { what: "the proxy's processes end" });
    });
  }

  static async started(port: number, state = temporaryDirectory()): Promise<ProxyProgram> {
    const program = new ProxyProgram(state, port);
    await program.start();
    return program;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.#port)}`;
  }

  get log(): string {
    return readFileSync(join(this.state, "proxy", "proxy.log"), "utf8");
  }

  /** Starts it (again). */
  async start(): Promise<ChildProcess> {
    const directory = join(this.state, "proxy");
    mkdirSync(directory, { recursive: true });
    const output = openSync(join(directory, "proxy.log"), "a");
    const { command, args } = this.program("1");
    const child = spawn(command, args, { detached: true, stdio: ["ignore", output, output] });
    closeSync(output);
    await until(() => this.pid(), { what: "the proxy answers" });
    return child;
  }

  program(version: string): SuccessorProgram {
    return { command: process.execPath, args: [MAIN, "--state", this.state, "--workers", "2", "--version", version], version };
  }

  upgrade(options: { program?: SuccessorProgram; readyMs?: number; drainMs?: number } = {}): Promise<UpgradeOutcome> {
    const { program = this.program("2"), readyMs = READY_MS, drainMs = 20_000 } = options;
    return this.traffic.upgrade({ program, readyMs, drainMs });
  }

  /** The next route table. */
  async route(targets: readonly Target[], parts: Partial<RouteTable> = {}): Promise<void> {
    this.#revision += 1;
    await this.traffic.apply({
      app: ProxyProgram.app,
      epoch: 1,
      revision: this.#revision,
      listen: { host: "127.0.0.1", port: this.#port },
      tls: null,
      proxy: { holdMs: 20_000, firstByteTimeoutMs: 60_000 },
      pools: [{ release: "r1", weight: 1, targets }],
      ...parts,
    });
  }

  /** Of the holder that answers, or null. */
  async pid(): Promise<number | null> {
    return this.traffic.status().then(
      ({ pid }) => pid,
      () => null,
    );
  }

  /** Every holder and worker of every generation. */
  processes(): readonly number[] {
    const holders = allProcesses().filter(({ command }) => command.includes(MAIN) && command.includes(this.state));
    for (const { pid } of holders) this.#groups.add(pid);
    return allProcesses()
      .filter(({ group }) => this.#groups.has(group))
      .map(({ pid }) => pid);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

interface ProcessLine {
  readonly pid: number;
  readonly group: number;
  readonly command: string;
}

function allProcesses(): readonly ProcessLine[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [state = "", , group = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return state === "Z" ? [] : [{ pid: Number(name), group: Number(group), command }];
      } catch {
        return [];
      }
    });
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${String(pid)}/fd`).length;
}
