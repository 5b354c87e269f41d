import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { SUCCESSION_PROTOCOL, type ToPredecessor, type ToSuccessor } from "./succession.ts";

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

type Stage = Exclude<ToPredecessor["kind"], "failed">;

/** The next generation, as the old one sees it: a program of its own, which goes on when the old one ends. Its output goes where ours goes. */
export class Successor {
  readonly #child: ChildProcess;
  readonly #reached = new Map<Stage, PromiseWithResolvers<undefined>>();
  #why: string | null = null;

  constructor({ command, args }: Program) {
    this.#child = spawn(command, [...args, "--succeed"], {
      detached: true,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
      cwd: "/",
    });
    this.#child.on("message", (message: ToPredecessor) => {
      this.#take(message);
    });
    this.#child.on("error", (error) => {
      this.#fail(`It could not be started: ${error.message}`);
    });
    this.#child.on("exit", (code, signal) => {
      this.#fail(signal === null ? `It exited with code ${code ?? 0}.` : `It was ended by ${signal}.`);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when it has got there. @throws Error saying why it will not */
  async until(stage: Stage, limitMs: number): Promise<void> {
    const limit = setTimeout(() => {
      this.#fail(`It was not ready within ${limitMs} ms (waiting for "${stage}").`);
    }, limitMs);
    try {
      await this.#stage(stage).promise;
    } finally {
      clearTimeout(limit);
    }
  }

  /** Resolves when the message, and the handle with it, is with the system. False when it cannot be delivered. */
  send(message: ToSuccessor, handle?: unknown): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.#child.connected) {
        resolve(false);
        return;
      }
      this.#child.send(message, handle as undefined, {}, (error) => {
        resolve(error === null);
      });
    });
  }

  /** Resolves when it is gone, and with it what it held. */
  async kill(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  /** It lives on without us. */
  leave(): void {
    if (this.#child.connected) this.#child.disconnect();
    this.#child.unref();
  }

  #take(message: ToPredecessor): void {
    if (message.kind === "failed") this.#fail(message.why);
    else if (message.kind === "hello" && message.protocol !== SUCCESSION_PROTOCOL)
      this.#fail(`It speaks version ${message.protocol} of the succession, this one ${SUCCESSION_PROTOCOL}.`);
    else this.#stage(message.kind).resolve(undefined);
  }

  #fail(why: string): void {
    this.#why ??= why;
    for (const stage of this.#reached.values()) stage.reject(new Error(this.#why));
  }

  #stage(stage: Stage): PromiseWithResolvers<undefined> {
    const known = this.#reached.get(stage);
    if (known !== undefined) return known;
    const fresh = Promise.withResolvers<undefined>();
    fresh.promise.catch(() => undefined);
    if (this.#why !== null) fresh.reject(new Error(this.#why));
    this.#reached.set(stage, fresh);
    return fresh;
  }
}
