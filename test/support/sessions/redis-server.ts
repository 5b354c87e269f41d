import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryDirectory, until } from "../temp.ts";
import { RedisWire } from "./redis-wire.ts";

interface RedisServer {
  readonly socket: string;
  connect(): Promise<RedisWire>;
  /** At once, as kill -9 does. */
  kill(): Promise<void>;
}

/** A real Redis on a unix socket, for as long as the running test. */
export async function startRedis(...args: readonly string[]): Promise<RedisServer> {
  const directory = temporaryDirectory();
  const socket = join(directory, "redis.sock");
  const options = ["--port", "0", "--unixsocket", socket, "--dir", directory, "--save", "", ...args];
  const child = spawn("redis-server", options, { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  onTestFinished(kill);
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
  return { socket, connect, kill };
}

export function redisVersion(): string | null {
  const found = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  return found.status === 0 ? (/v=(\S+)/.exec(found.stdout)?.[1] ?? null) : null;
}
