import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { output } from "./output.ts";

export interface LoadOptions {
  /** For the script that wrk runs. */
  readonly directory: string;
  readonly core: number;
  /** Where the proxy is, with its scheme: "http://127.0.0.1:8080". */
  readonly origin: string;
  readonly connections: number;
  readonly seconds: number;
  /** Every request on a connection of its own. */
  readonly newConnections?: boolean;
  /** Sent with POST, as so many bytes; 0 or absent: GET. */
  readonly bodyBytes?: number;
  /** Absent: many different ones. */
  readonly path?: string;
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
/** What changes from work to work comes as arguments: method, path ("-" for many), bytes of the body, Connection field. */
const SCRIPT = `local requests, at = {}, 0
init = function(args)
  local body = tonumber(args[3]) > 0 and string.rep("x", tonumber(args[3])) or nil
  local many = args[2] == "-"
  for i = 1, many and ${PATHS} or 1 do
    requests[i] = wrk.format(args[1], many and "/articles/" .. i .. "?page=" .. (i % 7) or args[2], {
      ["Accept"] = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", ["Accept-Encoding"] = "gzip, deflate, br",
      ["Accept-Language"] = "en-GB,en;q=0.5", ["Cookie"] = "session=" .. string.format("%032x", i * 7919),
      ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
      ["Connection"] = args[4] == "close" and "close" or nil }, body)
  end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("\\nresult %d %d %d %d %d\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`;

/** Runs wrk with one thread. @throws when any request failed: a figure with errors in it says nothing. */
export async function wrk(options: LoadOptions): Promise<LoadResult> {
  const { directory, core, origin, connections, seconds, newConnections = false, bodyBytes = 0, path = "-" } = options;
  const script = join(directory, "wrk.lua");
  writeFileSync(script, SCRIPT);
  const wrkArgs = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, `${origin}/`];
  const scriptArgs = [bodyBytes > 0 ? "POST" : "GET", path, String(bodyBytes), newConnections ? "close" : "keep"];
  const text = await output("taskset", ["--cpu-list", String(core), ...wrkArgs, "--", ...scriptArgs]);
  const fields = /^result (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(text)?.slice(1).map(Number);
  if (fields === undefined) throw new Error(`wrk gave no result:\n${text}`);
  const [requests = 0, us = 1, errors = 0, p50 = 0, p99 = 0] = fields;
  if (errors > 0 || requests === 0) throw new Error(`wrk counted ${errors} errors in ${requests} requests:\n${text}`);
  return { requests, requestsPerSecond: requests / (us / 1e6), p50: p50 / 1000, p99: p99 / 1000 };
}
