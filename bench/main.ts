/**
 * `npm run bench`: what one proxied request costs in processor time, Hitless beside nginx, HAProxy and Caddy in one run.
 * The result is printed and written into docs/benchmarks.md.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { startBackend } from "./backend.ts";
import { freePort } from "./free-port.ts";
import { type BenchOptions, readOptions } from "./options.ts";
import { machine, writeSection } from "./page.ts";
import { caddy } from "./peers/caddy.ts";
import { haproxy } from "./peers/haproxy.ts";
import { hitless } from "./peers/hitless.ts";
import { nginx } from "./peers/nginx.ts";
import type { Peer } from "./peers/peer.ts";
import { isInstalled, killProgramsAtExit, type Program } from "./program.ts";
import { type Contender, runRounds } from "./rounds.ts";
import { markdownTable } from "./table.ts";

const PEERS: readonly Peer[] = [hitless, haproxy, nginx, caddy];
const NEEDED = ["wrk", "nginx", "taskset"];
/** The proxy under test has a processor of its own; whatever makes it work has the other one. */
const PROXY_CORE = 0;
const LOAD_CORE = 1;

async function bench(options: BenchOptions, directory: string, programs: Program[]): Promise<string> {
  const chosen = PEERS.filter(({ name }) => options.only.length === 0 || options.only.includes(name.toLowerCase()));
  const present = chosen.filter((peer) => peer.isInstalled());
  const missing = chosen.filter((peer) => !present.includes(peer));
  for (const { name, install } of missing) console.error(`${name} is missing: ${install}`);
  const backend = await startBackend(join(directory, "backend"), LOAD_CORE, options.bodyBytes);
  programs.push(backend.program);
  const contenders: Contender[] = [];
  for (const peer of present) {
    const port = await freePort();
    const own = join(directory, peer.name.toLowerCase());
    mkdirSync(own);
    const program = await peer.start({ directory: own, core: PROXY_CORE, backendPort: backend.port, port });
    programs.push(program);
    contenders.push({ name: peer.name, version: peer.version(), port, program });
  }
  const { connections, seconds } = options;
  const loading = { directory, core: LOAD_CORE, connections, seconds };
  const samples = await runRounds(contenders, options.rounds, loading, (line) => {
    console.error(line);
  });
  return markdownTable(
    contenders,
    samples,
    missing.map(({ name }) => name),
  );
}

function report(options: BenchOptions, table: string): string {
  const { rounds, seconds, connections, bodyBytes } = options;
  const args = process.argv.slice(2).join(" ");
  return [
    table,
    "",
    `Medians of ${rounds} rounds of ${seconds} s, ${connections} keep-alive connections, answers of ${bodyBytes} bytes.`,
    `${machine()}. ${new Date().toISOString().slice(0, 10)}, \`npm run bench${args === "" ? "" : ` -- ${args}`}\`.`,
  ].join("\n");
}

const options = readOptions(process.argv.slice(2));
const lacking = NEEDED.filter((command) => !isInstalled(command));
if (lacking.length > 0)
  throw new Error(`Needed, but not installed: ${lacking.join(", ")} (apt-get install wrk nginx util-linux)`);
if (process.platform !== "linux" || cpus().length < 2)
  throw new Error("Two processors on Linux are needed: the proxy has one of its own");

killProgramsAtExit();
const directory = mkdtempSync(join(tmpdir(), "hl-bench-"));
const programs: Program[] = [];
try {
  const text = report(options, await bench(options, directory, programs));
  console.log(text);
  if (options.write) writeSection("proxies", text);
} finally {
  await Promise.all(programs.map((program) => program.stop()));
  rmSync(directory, { recursive: true, force: true });
}
