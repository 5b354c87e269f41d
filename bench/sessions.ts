/**
 * `npm run bench:sessions`: the state server beside Redis, at what session stores do (GET, and SETEX of 2 KB), and with a million keys.
 * The result is printed and written into docs/benchmarks.md.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort } from "../test/support/free-port.ts";
import { machine, writeSection } from "./page.ts";
import { isInstalled, isListening, killProgramsAtExit, Program, versionOf } from "./program.ts";

const MAIN = fileURLToPath(new URL("../src/app/state-server.ts", import.meta.url));
const [SERVER_CORE, LOAD_CORE] = [0, 1];
const VALUE = "x".repeat(2_048);
const KEYS = 100_000;
const MILLION = 1_000_000;
const MEMORY = "4g";

interface Contender {
  readonly name: string;
  readonly fsync: "always" | "everysec";
  readonly port: number;
  readonly program: Program;
}

interface Sample {
  readonly rate: number;
  readonly p99: number;
}

const { values } = parseArgs({
  allowNegative: true,
  options: {
    rounds: { type: "string", default: "3" },
    requests: { type: "string", default: "60000" },
    keys: { type: "string", default: String(MILLION) },
    write: { type: "boolean", default: true },
  },
});

interface Place {
  readonly own: string;
  readonly port: number;
  readonly fsync: Contender["fsync"];
}

function ourCommand({ own, port, fsync }: Place): readonly string[] {
  const options = ["--data", own, "--listen", `127.0.0.1:${port}`, "--fsync", fsync, "--memory", MEMORY];
  return [process.execPath, "--max-old-space-size=6400", MAIN, ...options];
}

async function start(name: string, fsync: Contender["fsync"]): Promise<Contender> {
  const port = await freePort();
  const own = join(directory, `${name}-${fsync}`);
  mkdirSync(own, { recursive: true });
  const redis = [
    "redis-server",
    "--port",
    String(port),
    "--dir",
    own,
    "--save",
    "",
    "--appendonly",
    "yes",
    "--appendfsync",
    fsync,
  ];
  const program = new Program({
    command: name === "Hitless" ? ourCommand({ own, port, fsync }) : redis,
    core: SERVER_CORE,
    logFile: join(own, "log"),
  });
  await program.until(() => isListening(port));
  return { name, fsync, port, program };
}

/** One run of redis-benchmark, which has the other processor. */
function run(port: number, requests: number, command: readonly string[]): Sample {
  const options = ["-p", String(port), "-n", String(requests), "-c", "50", "-r", String(KEYS), "--csv"];
  const text = execFileSync("taskset", ["--cpu-list", String(LOAD_CORE), "redis-benchmark", ...options, ...command], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  const figures = (text.trim().split("\n").at(-1) ?? "")
    .replace(/^"[^"]*",|"/g, "")
    .split(",")
    .slice(-7)
    .map(Number);
  return { rate: figures[0] ?? 0, p99: figures[5] ?? 0 };
}

const WORKS = [
  { name: "SETEX", command: ["SETEX", "sess:__rand_int__", "3600", VALUE] },
  { name: "GET", command: ["GET", "sess:__rand_int__"] },
] as const;

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

async function compare(): Promise<string> {
  const rows: string[] = [];
  for (const fsync of ["everysec", "always"] as const) {
    const contenders = [await start("Redis", fsync), await start("Hitless", fsync)];
    const samples = new Map<string, Sample[]>();
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const { name, command } of WORKS) {
        for (const contender of contenders) {
          const key = `${contender.name} ${name}`;
          samples.set(key, [...(samples.get(key) ?? []), run(contender.port, Number(values.requests), command)]);
        }
      }
    }
    for (const { name } of WORKS) {
      const of = (who: string): Sample => ({
        rate: median((samples.get(`${who} ${name}`) ?? []).map(({ rate }) => rate)),
        p99: median((samples.get(`${who} ${name}`) ?? []).map(({ p99 }) => p99)),
      });
      const [redis, ours] = [of("Redis"), of("Hitless")];
      const cells = [
        `${name}, ${fsync}`,
        count(redis.rate),
        count(ours.rate),
        `${(ours.rate / redis.rate).toFixed(2)} ×`,
        `${redis.p99.toFixed(1)} ms`,
        `${ours.p99.toFixed(1)} ms`,
      ];
      rows.push(`| ${cells.join(" | ")} |`);
      console.error(rows.at(-1));
    }
    for (const { program } of contenders) await program.stop();
  }
  return [
    "| work | Redis, per second | Hitless, per second | ratio | Redis p99 | Hitless p99 |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** A million sessions: what they take, and how long a start with them takes. */
async function large(): Promise<string> {
  const keys = Number(values.keys);
  const first = await start("Hitless", "everysec");
  const begun = performance.now();
  execFileSync("sh", ["-c", `node_modules/.bin/node bench/fill.ts ${keys} | redis-cli -p ${first.port} --pipe`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const filled = (performance.now() - begun) / 1000;
  const found = Number(cli(first.port, "dbsize"));
  if (found !== keys) throw new Error(`${found} keys instead of ${keys}`);
  const rss = Number(/used_memory_rss:(\d+)/.exec(cli(first.port, "info", "memory"))?.[1]);
  const { rate } = run(first.port, Number(values.requests), ["GET", "sess:__rand_int__"]);
  await first.program.stop();
  const restart = performance.now();
  const again = await startAgain(first);
  const seconds = (performance.now() - restart) / 1000;
  if (Number(cli(again.port, "dbsize")) !== keys) throw new Error("keys are missing after the restart");
  await again.program.stop();
  return `${count(keys)} sessions of 1 KB: written in ${filled.toFixed(0)} s, ${Math.round(rss / 2 ** 20)} MiB resident, ${count(rate)} GETs a second among them, read again at a start in ${seconds.toFixed(1)} s.`;
}

async function startAgain({ port, fsync }: Contender): Promise<Contender> {
  const own = join(directory, `Hitless-${fsync}`);
  const command = ourCommand({ own, port, fsync });
  const program = new Program({ command, core: SERVER_CORE, logFile: join(own, "log") });
  for (;;) {
    if (await isListening(port)) return { name: "Hitless", fsync, port, program };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function cli(port: number, ...words: readonly string[]): string {
  return execFileSync("redis-cli", ["-p", String(port), ...words], { encoding: "utf8" });
}

const count = (number: number): string => Math.round(number).toLocaleString("en");

const lacking = ["redis-server", "redis-benchmark", "taskset"].filter((command) => !isInstalled(command));
if (lacking.length > 0)
  throw new Error(`Needed, but not installed: ${lacking.join(", ")} (apt-get install redis-server redis-tools util-linux)`);
if (cpus().length < 2) throw new Error("Two processors are needed: the server has one of its own");
killProgramsAtExit();
const directory = mkdtempSync(join(tmpdir(), "hl-bench-"));
try {
  const table = await compare();
  rmSync(join(directory, "Hitless-everysec"), { recursive: true, force: true });
  const text = [
    table,
    "",
    await large(),
    "",
    `50 connections, ${count(KEYS)} keys, values of 2 KB; medians of ${values.rounds} rounds of ${count(Number(values.requests))} requests. Redis ${versionOf("redis-server", ["--version"], /v=(\S+)/)}.`,
    `${machine()}. ${new Date().toISOString().slice(0, 10)}, \`npm run bench:sessions\`.`,
  ].join("\n");
  console.log(`\n${text}`);
  if (values.write) writeSection("sessions", text);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
