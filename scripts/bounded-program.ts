import { spawn } from "node:child_process";

/** Each leads a process group of its own. */
const running = new Set<number>();

function end(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

function interrupted(): void {
  running.forEach(end);
  process.exit(130);
}

/** How a program may run: `together` keeps its output until it has ended, so that those that run beside it do not write between its lines. */
export interface Bounds {
  readonly limitMs: number;
  readonly output: "at once" | "together";
}

/** Runs a program; whether it ended with 0. At the limit, and when this process is interrupted, its whole process group is ended. */
export async function succeeds(command: string, args: readonly string[], { limitMs, output }: Bounds): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const written = output === "at once" ? "inherit" : "pipe";
  const child = spawn(command, args, { stdio: ["ignore", written, written], detached: true });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  const text: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => text.push(chunk));
  const limit = setTimeout(() => {
    text.push(Buffer.from(`Not finished within ${Math.round(limitMs / 1000)} s: ${command} ${args.join(" ")}\n`));
    if (pid !== undefined) end(pid);
  }, limitMs);
  child.once("error", () => {
    resolve(false);
  });
  child.once("close", (code) => {
    resolve(code === 0);
  });
  const succeeded = await promise;
  clearTimeout(limit);
  if (pid !== undefined) running.delete(pid);
  process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
  process.stdout.write(Buffer.concat(text));
  return succeeded;
}
