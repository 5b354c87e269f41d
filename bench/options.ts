import { parseArgs } from "node:util";

export interface BenchOptions {
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  readonly connections: number;
  readonly bodyBytes: number;
  /** The peers to measure; empty for all. */
  readonly only: readonly string[];
  /** Whether docs/benchmarks.md is written. */
  readonly write: boolean;
}

export const USAGE = `npm run bench -- [--rounds 5] [--seconds 5] [--connections 32] [--body 128] [--only hitless,haproxy] [--no-write]`;

export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "5" },
      connections: { type: "string", default: "32" },
      body: { type: "string", default: "128" },
      only: { type: "string", default: "" },
      write: { type: "boolean", default: true },
    },
  });
  return {
    rounds: atLeastOne("rounds", values.rounds),
    seconds: atLeastOne("seconds", values.seconds),
    connections: atLeastOne("connections", values.connections),
    bodyBytes: atLeastOne("body", values.body),
    only: values.only.split(",").filter((name) => name !== ""),
    write: values.write,
  };
}

function atLeastOne(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} ${text}: a whole number from 1 on is needed\n${USAGE}`);
  return value;
}
