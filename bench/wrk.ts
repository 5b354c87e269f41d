import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface LoadOptions {
  /** For the script that wrk runs. */
  readonly directory: string;
  readonly core: number;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** So many different requests in turn: that every request is the same, byte for byte, must not help anybody. */
const PATHS = 5_000;
const SCRIPT = `local requests, at = {}, 0
init = function()
  for i = 1, ${PATHS} do
    requests[i] = wrk.format("GET", "/articles/" .. i .. "?page=" .. (i % 7), {
      ["Accept"] = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", ["Accept-Encoding"] = "gzip, deflate, br",
      ["Accept-Language"] = "en-GB,en;q=0.5", ["Cookie"] = "session=" .. string.format("%032x", i * 7919),
      ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" })
  end
end
request = function()
  at = at % ${PATHS} + 1
  return requests[at]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("\\nresult %d %d %d %d %d\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`;

/** Runs wrk with one thread. @throws when any request failed: a figure with errors in it says nothing. */
export async function load({ directory, core, port, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const script = join(directory, "wrk.lua");
  writeFileSync(script, SCRIPT);
  const url = `http://127.0.0.1:${port}/`;
  const args = ["--cpu-list", String(core), "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, url];
  const text = await output("taskset", args);
  const fields = /^result (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(text)?.slice(1).map(Number);
  if (fields === undefined) throw new Error(`wrk gave no result:\n${text}`);
  const [requests = 0, us = 1, errors = 0, p50 = 0, p99 = 0] = fields;
  if (errors > 0 || requests === 0) throw new Error(`wrk counted ${errors} errors in ${requests} requests:\n${text}`);
  return { requests, requestsPerSecond: requests / (us / 1e6), p50: p50 / 1000, p99: p99 / 1000 };
}

async function output(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const pieces: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => {
      resolve(Buffer.concat(pieces).toString("utf8"));
    });
  });
}
