import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Progress, Report } from "./tally.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

export interface LoadProcessOptions {
  readonly url: string;
  /** For the file of what was answered to POSTs. */
  readonly directory: string;
  /** Requests per second; 0 for as many as possible. */
  readonly rate: number;
  /** How many clients of each kind. */
  readonly keepAlive: number;
  readonly fresh: number;
  readonly post: number;
  readonly paths: readonly string[];
  /** Each order is read again after it was answered. */
  readonly readBack?: boolean;
}

/** The users: a process of their own that knows nothing of Hitless and keeps its own books. */
export class LoadProcess {
  /** Requests so far, as it said last. */
  requests = 0;
  errors = 0;
  readonly #child: ChildProcess;
  readonly #answersPath: string;
  #last = "";

  constructor({ url, directory, rate, keepAlive, fresh, post, paths, readBack }: LoadProcessOptions) {
    this.#answersPath = join(directory, "answers.json");
    const args = Object.entries({
      url,
      answers: this.#answersPath,
      rate,
      "keep-alive": keepAlive,
      fresh,
      post,
      paths: paths.join(","),
    });
    this.#child = spawn(
      process.execPath,
      [
        MAIN,
        "--progress",
        ...(readBack === true ? ["--read-back"] : []),
        ...args.flatMap(([name, value]) => [`--${name}`, String(value)]),
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    createInterface({ input: this.#child.stdout ?? process.stdin }).on("line", (line) => {
      this.#take(line);
    });
  }

  /** Lets it finish what is in flight. */
  async stop(): Promise<{ report: Report; postedIds: readonly string[]; answers: ReadonlyMap<string, string> }> {
    const ended = once(this.#child, "close");
    this.#child.kill("SIGTERM");
    await ended;
    const answers = new Map(JSON.parse(readFileSync(this.#answersPath, "utf8")) as [string, string][]);
    return { report: JSON.parse(this.#last) as Report, postedIds: [...answers.keys()], answers };
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #take(line: string): void {
    const value = JSON.parse(line) as { progress?: Progress };
    if (value.progress === undefined) this.#last = line;
    else {
      this.requests = value.progress.requests;
      this.errors = value.progress.errors;
    }
  }
}
