import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryDirectory, until } from "../temp.ts";
import { RedisWire } from "./redis-wire.ts";

/** A real Redis on a unix socket, for as long as the running test. */
export async function startRedis(...args: readonly string[]): Promise<{ socket: string; connect: () => Promise<RedisWire> }> {
  const directory = temporaryDirectory();
  const socket = join(directory, "redis.sock");
  const options = ["--port", "0", "--unixsocket", socket, "--dir", directory, "--save", "", ...args];
  const child = spawn("redis-server", options, { stdio: "ignore" });
  onTestFinished(async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  });
  const connect = (): Promise<RedisWire> => RedisWire.connect({ path: socket });
  await until(
    () =>
      connect().then(
        (wire) => {
          wire.close();
          return true;
        },
        () => false,
      ),
    { what: "Redis answers" },
  );
  return { socket, connect };
}

export function redisVersion(): string | null {
  const found = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  return found.status === 0 ? (/v=(\S+)/.exec(found.stdout)?.[1] ?? null) : null;
}
