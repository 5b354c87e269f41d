import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const LOWEST = 10_240;
/** What Linux gives to outgoing connections unless it is told otherwise. */
const USUAL_EPHEMERAL = 32_768;
const TRIES = 200;

/**
 * A port that is free now and is likely to be so whenever the server starts again: instances know it for as long as they run. Not one of those the kernel gives to
 * outgoing connections, as one of them could have it just then.
 */
export async function lastingPort(host: string): Promise<number> {
  const end = Math.max(firstEphemeral(), LOWEST + TRIES);
  for (let tried = 0; tried < TRIES; tried += 1) {
    const port = randomInt(LOWEST, end);
    if (await isFree(host, port)) return port;
  }
  throw new Error(`No free port was found between ${String(LOWEST)} and ${String(end)}.`);
}

function firstEphemeral(): number {
  try {
    return Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"), 10);
  } catch {
    return USUAL_EPHEMERAL;
  }
}

function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => {
      resolve(false);
    });
    server.listen({ host, port }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
