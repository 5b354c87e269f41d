import { join } from "node:path";
import type { Command } from "commander";
import type { StateServerOptions } from "../host.ts";
import type { Register } from "../register.ts";
import type { CommonOptions } from "../session.ts";

type Options = CommonOptions & Partial<StateServerOptions>;

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** The state server as a program of its own, for a service manager or a terminal. */
export function registerStateServer(program: Command, run: Register): void {
  run(
    program
      .command("state-server")
      .description(
        "run a session store that speaks the Redis protocol: durable, with expiry, upgraded without a lost command (SIGUSR2)",
      )
      .option(
        "--data <directory>",
        "where it keeps its log (default: sessions in the state directory); redis.sock is in there too",
      )
      .option(
        "--listen <address>",
        "127.0.0.1:6379 (default), [::1]:6379, tls://10.0.0.5:6380, unix:/run/sessions.sock; may be repeated",
        collect,
      )
      .option(
        "--asp-net <address>",
        "also serve the ASP.NET State Server Protocol, such as on 127.0.0.1:42424; it knows no passwords, so give an address that only your web servers can reach",
      )
      .option(
        "--fsync <when>",
        "always: a change is answered when it is safe on disk (default); everysec: at most a second is lost with the machine",
      )
      .option("--memory <size>", "for keys and values (default: 1g); when it is full, writes get Redis' OOM error")
      .option("--clients <n>", "connections at a time (default: 10000)")
      .option("--password-file <file>", "one password to a line, each of them valid; needed where others can reach it")
      .option("--tls-cert <file>", "certificate chain, PEM")
      .option("--tls-key <file>", "its key, PEM"),
    [
      "hitless state-server",
      "hitless state-server --listen 127.0.0.1:6380 --memory 4g",
      "hitless state-server --listen tls://10.0.0.5:6380 --tls-cert a.crt --tls-key a.key --password-file passwords",
      "hitless state-server --asp-net 127.0.0.1:42424",
      "redis-cli -p 6379 info",
    ],
    (session, { data = join(session.stateDirectory, "sessions"), ...options }: Options) =>
      session.host.runStateServer({ ...options, data }),
  );
}
