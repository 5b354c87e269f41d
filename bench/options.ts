import { parseArgs } from "node:util";

export interface BenchOptions {
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** The peers to measure; empty for all. */
  readonly only: readonly string[];
  /** The kinds of work; empty for all. */
  readonly works: readonly string[];
  /** Whether docs/benchmarks.md is written. */
  readonly write: boolean;
}

export const USAGE = `npm run bench -- [--rounds 5] [--seconds 4] [--only hitless,haproxy] [--work keep-alive-32,http2] [--no-write]`;

export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "4" },
      only: { type: "string", default: "" },
      work: { type: "string", default: "" },
      write: { type: "boolean", default: true },
    },
  });
  return {
    rounds: atLeastOne("rounds", values.rounds),
    seconds: atLeastOne("seconds", values.seconds),
    only: list(values.only),
    works: list(values.work),
    write: values.write,
  };
}

function list(text: string): readonly string[] {
  return text.split(",").filter((name) => name !== "");
}

function atLeastOne(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} ${text}: a whole number from 1 on is needed\n${USAGE}`);
  return value;
}
