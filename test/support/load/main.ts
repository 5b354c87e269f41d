import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runLoad } from "./run.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    rate: { type: "string", default: "100" },
    "keep-alive": { type: "string", default: "8" },
    fresh: { type: "string", default: "0" },
    post: { type: "string", default: "0" },
    seconds: { type: "string" },
    timeout: { type: "string", default: "30" },
    paths: { type: "string" },
    "post-path": { type: "string", default: "/api/orders" },
    answers: { type: "string" },
    "read-back": { type: "boolean", default: false },
    progress: { type: "boolean", default: false },
  },
});

function number(name: "rate" | "keep-alive" | "fresh" | "post" | "seconds" | "timeout"): number {
  const value = Number(values[name]);
  if (!(value >= 0)) throw new Error(`--${name}: expected a number, found ${values[name] ?? "nothing"}`);
  return value;
}

/** A load is stopped by a signal; what is in flight is finished first, so that every request begun is counted once. */
const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    stop.abort();
  });
}

if (values.url === undefined) throw new Error("--url is missing");
const {
  postedIds: _,
  answers,
  ...report
} = await runLoad({
  url: values.url,
  rate: number("rate"),
  keepAlive: number("keep-alive"),
  fresh: number("fresh"),
  post: number("post"),
  timeoutMs: number("timeout") * 1_000,
  postPath: values["post-path"],
  readBack: values["read-back"],
  signal: stop.signal,
  ...(values.paths === undefined ? {} : { paths: values.paths.split(",") }),
  ...(values.seconds === undefined ? {} : { seconds: number("seconds") }),
  ...(values.progress
    ? {
        progress: (progress) => {
          process.stdout.write(`${JSON.stringify({ progress })}\n`);
        },
      }
    : {}),
});
if (values.answers !== undefined) writeFileSync(values.answers, JSON.stringify([...answers]));
process.stdout.write(`${JSON.stringify(report)}\n`);
