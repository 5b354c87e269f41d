import { HOST } from "../adapters/state-server/keeper.ts";
import { StateServers, type StateServersOptions } from "../adapters/state-server/servers.ts";
import { stateServerProgram } from "./run-state-server.ts";

/** The state servers that this daemon runs for its apps. */
export function stateServers(options: Omit<StateServersOptions, "program">): StateServers {
  return new StateServers({
    ...options,
    program: ({ directory, passwordFile }, { port, memoryBytes, fsync }) =>
      stateServerProgram({
        data: directory,
        listen: [`${HOST}:${String(port)}`],
        passwordFile,
        memory: String(memoryBytes),
        fsync,
      }),
  });
}
