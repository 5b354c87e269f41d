import { join } from "node:path";

/** Where the daemon of a state directory answers. */
export function daemonSocket(stateDirectory: string): string {
  return join(stateDirectory, "daemon.sock");
}
