import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import type { SuccessorProgram } from "../../api/proxy-control.ts";
import type { HolderMessage } from "../messages.ts";
import { SUCCESSION_PROTOCOL, type PredecessorMessage, type SuccessorMessage } from "./succession.ts";

const LOG_LINES = 20;

type Listener = (message: HolderMessage) => void;
type Stage = "hello" | "prepared" | "committed";

/** The new generation's holder, started by the old one as a program of its own that goes on when the old one ends. */
export class SuccessorProcess {
  readonly #child: ChildProcess;
  readonly #logPath: string;
  readonly #logFrom: number;
  readonly #reached = new Map<Stage, PromiseWithResolvers<undefined>>();
  #onTell: Listener = () => undefined;
  #why: string | null = null;

  /** Its output is appended to the log at `logPath`. */
  constructor({ command, args }: SuccessorProgram, logPath: string) {
    this.#logPath = logPath;
    const output = openSync(logPath, "a", 0o600);
    this.#logFrom = fstatSync(output).size;
    this.#child = spawn(command, [...args, "--succeed"], {
      detached: true,
      stdio: ["ignore", output, output, "ipc"],
      serialization: "advanced",
      cwd: "/",
    });
    closeSync(output);
    this.#child.on("message", (message: SuccessorMessage) => {
      this.#take(message);
    });
    this.#child.on("error", (error) => {
      this.#fail(`It could not be started: ${error.message}`);
    });
    this.#child.on("exit", (code, signal) => {
      this.#fail(signal === null ? `It exited with code ${String(code)}.` : `It was ended by ${signal}.`);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when it says so. @throws Error saying why it will not */
  async until(stage: Stage, limitMs: number): Promise<void> {
    const limit = setTimeout(() => {
      this.#fail(`It was not ready within ${String(limitMs)} ms (waiting for "${stage}").`);
    }, limitMs);
    try {
      await this.#stage(stage).promise;
    } finally {
      clearTimeout(limit);
    }
  }

  /** Called with what it wants the workers of this holder to be told. */
  onTell(listener: Listener): void {
    this.#onTell = listener;
  }

  /** Resolves when the message is on its way, or cannot be any more. */
  send(message: PredecessorMessage, handle?: unknown): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#child.connected) resolve();
      else
        this.#child.send(message, handle as never, {}, () => {
          resolve();
        });
    });
  }

  /** Only the holder: workers that already have clients finish them by themselves. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** What it wrote last, without what others wrote into the same log. */
  logTail(): readonly string[] {
    try {
      const written = readFileSync(this.#logPath).subarray(this.#logFrom).toString("utf8");
      return written
        .split("\n")
        .filter((line) => line !== "" && !isOurs(line))
        .slice(-LOG_LINES);
    } catch {
      return [];
    }
  }

  #take(message: SuccessorMessage): void {
    if (message.kind === "tell") this.#onTell(message.message);
    else if (message.kind === "failed") this.#fail(message.why);
    else if (message.kind === "hello" && message.protocol !== SUCCESSION_PROTOCOL)
      this.#fail(
        `It takes over in another way than this one hands over (${String(message.protocol)}, not ${String(SUCCESSION_PROTOCOL)}).`,
      );
    else this.#stage(message.kind).resolve(undefined);
  }

  #stage(stage: Stage): PromiseWithResolvers<undefined> {
    const known = this.#reached.get(stage);
    if (known !== undefined) return known;
    const fresh = Promise.withResolvers<undefined>();
    fresh.promise.catch(() => undefined);
    this.#reached.set(stage, fresh);
    if (this.#why !== null) fresh.reject(new Error(this.#why));
    return fresh;
  }

  /** The first reason is the one that counts. */
  #fail(why: string): void {
    this.#why ??= why;
    for (const stage of this.#reached.values()) stage.reject(new Error(this.#why));
  }
}

function isOurs(line: string): boolean {
  return line.startsWith("{") && line.includes(`"pid":${String(process.pid)},`);
}
