import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { COMPILED } from "./compiled.ts";
import { until } from "./temp.ts";

const HITLESS = fileURLToPath(new URL("../../bin/hitless.cjs", import.meta.url));

/** What a command has left behind when it ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface CommandPlace {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The Node.js that `bin` is started with; ours if not given. */
  readonly node?: string;
  /** Another user than ours, by number. */
  readonly uid?: number;
}

/** The command a person types, from its start to its end: they read along, press Ctrl-C, and look at the exit code. */
export class Command {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #args: readonly string[];
  out = "";
  err = "";

  constructor(args: readonly string[], { cwd, env, node = process.execPath, uid }: CommandPlace) {
    this.#args = args;
    this.#child = spawn(node, [HITLESS, ...args], {
      cwd,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], NO_COLOR: "1", NODE_COMPILE_CACHE: COMPILED, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    this.#child.stdout?.on("data", (text) => (this.out += String(text)));
    this.#child.stderr?.on("data", (text) => (this.err += String(text)));
    this.#ended = once(this.#child, "close");
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Everything it has printed so far. */
  get text(): string {
    return this.out + this.err;
  }

  /** Resolves as soon as it has printed this. */
  async says(text: string): Promise<void> {
    const what = `hitless ${this.#args.join(" ")} says "${text}"`;
    await until(() => this.text.includes(text) || !this.running, { within: 30_000, what });
    if (!this.text.includes(text)) throw new Error(`Ended without it: ${what}. It said:\n${this.text}`);
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  /** Ends it by force, if it still runs. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async ended(): Promise<CommandResult> {
    await this.#ended;
    return { code: this.#child.exitCode, out: this.out, err: this.err };
  }
}
