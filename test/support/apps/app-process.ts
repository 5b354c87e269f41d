import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import { freePort } from "../free-port.ts";
import { until } from "../temp.ts";

export interface AppOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** An application started as an instance is: on a port of its own, with HOST and PORT. It ends with the test. */
export class AppProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown[]>;
  #output = "";

  constructor(child: ChildProcess, port: number) {
    this.url = `http://127.0.0.1:${String(port)}`;
    this.#child = child;
    this.#exit = once(child, "close");
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text) => (this.#output += String(text)));
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
  }

  static async start({ command, args, directory, env = {} }: AppOptions): Promise<AppProcess> {
    const port = await freePort();
    const child = spawn(command, args, {
      cwd: directory,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env, HOST: "127.0.0.1", PORT: String(port) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new AppProcess(child, port);
  }

  get output(): string {
    return this.#output;
  }

  /** Resolves when it answers 200 to its health check. */
  async ready(): Promise<this> {
    await until(() => this.#healthy(), { what: `${this.url}/up answers: ${this.#output}` });
    return this;
  }

  terminate(): void {
    this.#child.kill("SIGTERM");
  }

  /** The exit code, or the signal that ended it. */
  async ended(): Promise<unknown> {
    const [code, signal] = await this.#exit;
    return code ?? signal;
  }

  async #healthy(): Promise<boolean> {
    if (this.#child.exitCode !== null) throw new Error(`The app has ended: ${this.#output}`);
    return fetch(`${this.url}/up`).then(
      (answer) => answer.ok,
      () => false,
    );
  }
}
