import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { AcmeSpec } from "../../../src/core/tls.ts";
import { freePort } from "../free-port.ts";
import { temporaryDirectory, until } from "../temp.ts";
import { filesFor } from "./files.ts";

/** The authority and its name server come in one Debian package. */
export const PEBBLE_MISSING = spawnSync("pebble", ["-h"]).error !== undefined;

export interface PebbleOptions {
  /** Where it looks for us. */
  readonly plainPort: number;
  readonly securePort: number;
  /** Listens here; another one that is started there later knows nothing of the first. */
  readonly port?: number;
}

/** A real certificate authority for tests. Every name is this machine for it. */
export class Pebble {
  readonly port: number;
  readonly acme: AcmeSpec;
  readonly #processes: readonly ChildProcess[];
  log = "";

  constructor(port: number, acme: AcmeSpec, processes: readonly ChildProcess[]) {
    this.port = port;
    this.acme = acme;
    this.#processes = processes;
    for (const child of processes) {
      for (const output of [child.stdout, child.stderr]) {
        output?.setEncoding("utf8").on("data", (text: string) => {
          this.log += text;
        });
      }
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map((child) => ended(child)));
  }
}

/** Ends with the test. `domains`: what the app asks it for. */
export async function startPebble(domains: readonly string[], options: PebbleOptions): Promise<Pebble> {
  const directory = temporaryDirectory();
  const own = await filesFor(directory, ["localhost"]);
  const [dnsPort, managementPort] = [await freePort(), await freePort()];
  const port = options.port ?? (await freePort());
  const config = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: "",
    certificate: own.cert,
    privateKey: own.key,
    httpPort: options.plainPort,
    tlsPort: options.securePort,
    ocspResponderURL: "",
    externalAccountBindingRequired: false,
  };
  const path = join(directory, "pebble.json");
  writeFileSync(path, JSON.stringify({ pebble: config }));
  const off = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""];
  const names = spawn("pebble-challtestsrv", [
    ...["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", `127.0.0.1:${dnsPort}`],
    ...["-management", `127.0.0.1:${managementPort}`, ...off.slice(0, 6)],
  ]);
  const authority = spawn("pebble", ["-config", path, "-dnsserver", `127.0.0.1:${dnsPort}`], {
    env: { ...process.env, PEBBLE_VA_NOSLEEP: "1", PEBBLE_AUTHZREUSE: "0" },
  });
  const acme = { directory: `https://localhost:${port}/dir`, email: "ada@example.com", domains, rootCertificates: own.cert };
  const pebble = new Pebble(port, acme, [names, authority]);
  onTestFinished(() => pebble.end());
  await until(() => answers(port), { what: "pebble listens" });
  await until(() => answers(managementPort), { what: "the name server of pebble listens" });
  return pebble;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => {
      resolve(false);
    });
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}
