import { availableParallelism } from "node:os";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import type { CrashKind } from "./crashing.ts";
import type { RunOptions } from "./run.ts";

const OPTIONS = {
  help: { type: "boolean", default: false },
  seeds: { type: "string", default: "1000" },
  from: { type: "string", default: "1" },
  seed: { type: "string" },
  way: { type: "string" },
  steps: { type: "boolean", default: false },
  "crash-points": { type: "boolean", default: false },
  "crash-every": { type: "string", default: "1" },
  "crash-at": { type: "string" },
  "crash-when": { type: "string" },
  scale: { type: "string" },
  batches: { type: "string", default: "100" },
  first: { type: "boolean", default: false },
  journal: { type: "boolean", default: false },
  threads: { type: "string", default: String(availableParallelism()) },
} as const satisfies ParseArgsOptionsConfig;

export type Given = ReturnType<typeof given>;

export function given(args: readonly string[]): ReturnType<typeof parse>["values"] {
  return parse(args).values;
}

/** The one run that is asked for by `--seed`, `--way` and `--crash-…`. */
export function runOf({ seed = "1", way, "crash-at": crashAt, "crash-when": crashWhen }: Given): RunOptions {
  return {
    seed: Number(seed),
    way,
    crashAt: crashAt === undefined ? undefined : Number(crashAt),
    crashWhen: crashWhen === undefined ? undefined : crashKind(crashWhen),
  };
}

/** What repeats a run, to the letter. */
export function commandOf({ seed, way, crashAt, crashWhen }: RunOptions): string {
  const named = Object.entries({ seed, way, "crash-at": crashAt, "crash-when": crashWhen });
  const words = named.flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${String(value)}`]));
  return `npm run sim -- ${words.join(" ")}`;
}

/** Its type is what the options say. */
function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS });
}

function crashKind(text: string): CrashKind {
  if (text === "before" || text === "after" || text === "stall") return text;
  throw new Error(`--crash-when is before, after or stall, not ${text}`);
}
