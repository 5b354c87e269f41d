/**
 * `npm run bench`: what the work of a proxy costs in processor time, Hitless beside nginx, HAProxy and Caddy in one run.
 * The result is printed and written into docs/benchmarks.md.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { filesFor } from "../test/support/tls/files.ts";
import { startBackend } from "./backend.ts";
import { freePort } from "../test/support/free-port.ts";
import { churnReport } from "./churn.ts";
import { type BenchOptions, readOptions } from "./options.ts";
import { idleTable } from "./memory.ts";
import { machine, writeSection } from "./page.ts";
import { caddy } from "./peers/caddy.ts";
import { haproxy } from "./peers/haproxy.ts";
import { hitless, routes } from "./peers/hitless.ts";
import { nginx } from "./peers/nginx.ts";
import type { Peer } from "./peers/peer.ts";
import { isInstalled, killProgramsAtExit, type Program } from "./program.ts";
import { type Contender, runRounds, type Sample } from "./rounds.ts";
import { markdownTable } from "./table.ts";
import { type Work, WORKS } from "./works/work.ts";

const PEERS: readonly Peer[] = [hitless, haproxy, nginx, caddy];
const NEEDED = ["wrk", "h2load", "nginx", "taskset"];
/** The proxy under test has a processor of its own; whatever makes it work has the other one. */
const PROXY_CORE = 0;
const LOAD_CORE = 1;

const log = (line: string): void => {
  console.error(line);
};

function wants({ works }: BenchOptions, name: string): boolean {
  return works.length === 0 || works.includes(name);
}

function publish(section: string, text: string): void {
  console.log(`\n${text}`);
  // A part of the works must not take the place of all of them.
  if (options.write && options.works.length === 0) writeSection(section, text);
}

function churnOf({ place }: Contender): Promise<string> {
  const load = { directory, core: LOAD_CORE, origin: `http://127.0.0.1:${place.port}`, seconds: options.seconds };
  return churnReport({ directory: place.directory, table: routes(place), rounds: options.rounds, load });
}

async function startAll(peers: readonly Peer[], directory: string, programs: Program[]): Promise<Contender[]> {
  const backend = await startBackend(join(directory, "backend"), LOAD_CORE);
  programs.push(backend.program);
  const certificate = await filesFor(directory, ["localhost"]);
  const contenders: Contender[] = [];
  for (const peer of peers) {
    const [port, securePort] = [await freePort(), await freePort()];
    const own = join(directory, peer.name.toLowerCase());
    mkdirSync(own);
    const place = { directory: own, core: PROXY_CORE, backendPort: backend.port, port, securePort, certificate };
    const program = await peer.start(place);
    programs.push(program);
    contenders.push({ name: peer.name, version: peer.version(), place, program });
  }
  return contenders;
}

async function measureAll(works: readonly Work[], contenders: readonly Contender[], directory: string): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const work of works) {
    const place = { directory, core: LOAD_CORE, seconds: options.seconds };
    samples.push(...(await runRounds(work, contenders, { rounds: options.rounds, place, log })));
  }
  return samples;
}

function report({ rounds, seconds }: BenchOptions, contenders: readonly Contender[], table: string): string {
  const args = process.argv.slice(2).join(" ");
  const versions = contenders.map(({ name, version }) => `${name} ${version}`).join(", ");
  return [
    table,
    "",
    `Medians of ${rounds} rounds of ${seconds} s (lowest–highest). ${versions}.`,
    `${machine()}. ${new Date().toISOString().slice(0, 10)}, \`npm run bench${args === "" ? "" : ` -- ${args}`}\`.`,
  ].join("\n");
}

const options = readOptions(process.argv.slice(2));
const lacking = NEEDED.filter((command) => !isInstalled(command));
if (lacking.length > 0)
  throw new Error(`Needed, but not installed: ${lacking.join(", ")} (apt-get install wrk nghttp2-client nginx util-linux)`);
if (process.platform !== "linux" || cpus().length < 2)
  throw new Error("Two processors on Linux are needed: the proxy has one of its own");

killProgramsAtExit();
const directory = mkdtempSync(join(tmpdir(), "hl-bench-"));
const programs: Program[] = [];
try {
  const chosen = PEERS.filter(({ name }) => options.only.length === 0 || options.only.includes(name.toLowerCase()));
  for (const { name, install } of chosen.filter((peer) => !peer.isInstalled())) console.error(`${name} is missing: ${install}`);
  const works = WORKS.filter(({ name }) => options.works.length === 0 || options.works.includes(name));
  const contenders = await startAll(
    chosen.filter((peer) => peer.isInstalled()),
    directory,
    programs,
  );
  // First of all: what a load has left behind would be used again by the connections.
  if (wants(options, "idle")) publish("idle", await idleTable(contenders, log));
  if (works.length > 0) {
    const samples = await measureAll(works, contenders, directory);
    publish("proxies", report(options, contenders, markdownTable(works, contenders, samples)));
  }
  const own = contenders.find(({ name }) => name === hitless.name);
  if (own !== undefined && wants(options, "churn")) publish("churn", await churnOf(own));
} finally {
  await Promise.all(programs.map((program) => program.stop()));
  rmSync(directory, { recursive: true, force: true });
}
