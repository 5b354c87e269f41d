import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { freePort } from "../free-port.ts";
import { untilReady } from "./server.ts";

/** PgBouncer refuses to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 };

/** A PgBouncer of Debian's in transaction mode before the server of the URL; gives the same URL through it. CI installs it. */
export async function throughPgbouncer(
  url: string,
  { roles, ignore }: { roles: readonly string[]; ignore: string },
): Promise<string> {
  if (spawnSync("pgbouncer", ["--version"]).status !== 0)
    throw new Error("PgBouncer is not installed: apt-get install pgbouncer");
  const user = process.getuid?.() === 0 ? NOBODY : {};
  const directory = mkdtempSync(join(tmpdir(), "hl-pgb-"));
  chmodSync(directory, 0o755);
  if (user === NOBODY) chownSync(directory, NOBODY.uid, NOBODY.gid);
  const { hostname, port: server } = new URL(url);
  const port = String(await freePort());
  writeFileSync(join(directory, "users"), roles.map((role) => `"${role}" ""\n`).join(""));
  writeFileSync(
    join(directory, "pgbouncer.ini"),
    `[databases]
* = host=${hostname} port=${server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(directory, "users")}
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = ${ignore}
`,
  );
  const pooler = spawn("pgbouncer", ["-q", join(directory, "pgbouncer.ini")], { ...user, stdio: "ignore" });
  onTestFinished(async () => {
    const ended = once(pooler, "exit");
    pooler.kill("SIGKILL");
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });
  const through = new URL(url);
  through.port = port;
  await untilReady(through.href);
  return through.href;
}
