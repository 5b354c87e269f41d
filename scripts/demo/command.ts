import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const HITLESS = fileURLToPath(new URL("../../bin/hitless.cjs", import.meta.url));

export interface CommandOptions {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onLine: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Runs the very command a person would type; gives its exit code. */
export async function hitless(args: readonly string[], { directory, env, onLine, signal }: CommandOptions): Promise<number> {
  const child = spawn(process.execPath, [HITLESS, ...args], { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", onLine);
  const interrupt = (): void => {
    child.kill("SIGKILL");
  };
  signal?.addEventListener("abort", interrupt);
  await once(child, "close");
  signal?.removeEventListener("abort", interrupt);
  signal?.throwIfAborted();
  return child.exitCode ?? 1;
}
