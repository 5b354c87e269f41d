import { lastingPort } from "../../src/adapters/state-server/lasting-port.ts";

/** One that no outgoing connection of a load can have: a port that the kernel gives may be gone before it is used. */
export function freePort(): Promise<number> {
  return lastingPort("127.0.0.1");
}
