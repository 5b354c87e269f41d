import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../test/support/load/main.ts", import.meta.url));

/** What the load generator says at the end: every request it has begun is in exactly one of these. */
export interface LoadReport {
  readonly requests: number;
  readonly ok: number;
  readonly httpErrors: number;
  readonly connectionErrors: Readonly<Record<string, number>>;
  readonly timeouts: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byKind: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** The users: a process of their own that knows nothing of Hitless and keeps its own books. */
export class DemoLoad {
  /** Requests so far, as it said last. */
  requests = 0;
  errors = 0;
  readonly #child: ChildProcess;
  readonly #idsPath: string;
  #last = "";

  constructor(url: string, directory: string) {
    this.#idsPath = join(directory, "posted-ids.txt");
    const options = [
      "--rate",
      "1500",
      "--keep-alive",
      "16",
      "--fresh",
      "4",
      "--post",
      "4",
      "--paths",
      "/,/api/products",
      "--progress",
    ];
    this.#child = spawn(process.execPath, [MAIN, "--url", url, "--ids", this.#idsPath, ...options], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    createInterface({ input: this.#child.stdout ?? process.stdin }).on("line", (line) => {
      this.#take(line);
    });
  }

  /** Lets it finish what is in flight. */
  async stop(): Promise<{ report: LoadReport; postedIds: readonly string[] }> {
    const ended = once(this.#child, "close");
    this.#child.kill("SIGTERM");
    await ended;
    const postedIds = readFileSync(this.#idsPath, "utf8")
      .split("\n")
      .filter((id) => id !== "");
    return { report: JSON.parse(this.#last) as LoadReport, postedIds };
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #take(line: string): void {
    const value = JSON.parse(line) as { progress?: { requests: number; errors?: number } };
    if (value.progress === undefined) this.#last = line;
    else {
      this.requests = value.progress.requests;
      this.errors = value.progress.errors ?? 0;
    }
  }
}
