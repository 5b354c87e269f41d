import { cpuTimeOf } from "./cpu-time.ts";
import type { PeerPlace } from "./peers/peer.ts";
import type { Program } from "./program.ts";
import type { Work } from "./works/work.ts";
import type { LoadOptions } from "./wrk.ts";

/** A proxy that serves. */
export interface Contender {
  readonly name: string;
  readonly version: string;
  readonly place: PeerPlace;
  readonly program: Program;
}

export interface Sample {
  readonly work: string;
  readonly name: string;
  /** Processor time per unit of the work. */
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
}

type Place = Pick<LoadOptions, "directory" | "core" | "seconds">;

const WARM_UP_SECONDS = 2;

/** Measures the contenders in turn, again and again, so that whatever else the machine does hits all of them alike. */
export async function runRounds(
  work: Work,
  contenders: readonly Contender[],
  { rounds, place, log }: { rounds: number; place: Place; log: (line: string) => void },
): Promise<Sample[]> {
  for (const contender of contenders) await work.load({ ...place, origin: originOf(work, contender), seconds: WARM_UP_SECONDS });
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Each round begins with another one: nobody is always the neighbour of the same one.
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const contender = contenders[(round + turn) % contenders.length]!;
      const sample = await measure(work, contender, place);
      const { name, cpuUs, requestsPerSecond } = sample;
      log(`${work.name} ${round + 1}: ${name} ${cpuUs.toFixed(1)} µs, ${requestsPerSecond.toFixed(0)} requests/s`);
      samples.push(sample);
    }
  }
  return samples;
}

function originOf({ secure }: Work, { place: { port, securePort } }: Contender): string {
  return secure ? `https://127.0.0.1:${securePort}` : `http://127.0.0.1:${port}`;
}

async function measure(work: Work, contender: Contender, place: Place): Promise<Sample> {
  const { name, program } = contender;
  const before = cpuTimeOf(program.pid);
  const { requests, requestsPerSecond } = await work.load({ ...place, origin: originOf(work, contender) });
  // Requests of 1 MiB: one is one unit either way.
  return { work: work.name, name, cpuUs: (cpuTimeOf(program.pid) - before) / requests, requestsPerSecond };
}
