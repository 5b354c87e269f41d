import { cpuTimeOf } from "./cpu-time.ts";
import type { Program } from "./program.ts";
import { load, type LoadOptions } from "./wrk.ts";

/** A proxy that serves. */
export interface Contender {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  readonly program: Program;
}

export interface Sample {
  readonly name: string;
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
}

const WARM_UP_SECONDS = 2;

/** Measures the contenders in turn, again and again, so that whatever else the machine does hits all of them alike. */
export async function runRounds(
  contenders: readonly Contender[],
  rounds: number,
  options: Omit<LoadOptions, "port">,
  log: (line: string) => void,
): Promise<Sample[]> {
  for (const { port } of contenders) await load({ ...options, port, seconds: WARM_UP_SECONDS });
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Each round begins with another one: nobody is always the neighbour of the same one.
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const contender = contenders[(round + turn) % contenders.length]!;
      const sample = await measure(contender, options);
      log(`round ${round + 1}: ${sample.name} ${sample.cpuUs.toFixed(1)} µs, ${sample.requestsPerSecond.toFixed(0)} requests/s`);
      samples.push(sample);
    }
  }
  return samples;
}

async function measure({ name, port, program }: Contender, options: Omit<LoadOptions, "port">): Promise<Sample> {
  const before = cpuTimeOf(program.pid);
  const { requests, requestsPerSecond, p50, p99 } = await load({ ...options, port });
  return { name, cpuUs: (cpuTimeOf(program.pid) - before) / requests, requestsPerSecond, p50, p99 };
}
