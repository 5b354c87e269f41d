import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ProxyTraffic, controlSocket } from "../../src/adapters/proxy/traffic.ts";
import type { RouteTable } from "../../src/core/routes.ts";
import { isListening, Program } from "../program.ts";
import type { Peer, PeerPlace } from "./peer.ts";

const MAIN = fileURLToPath(new URL("../../src/proxy/main.ts", import.meta.url));
const PACKAGE = new URL("../../package.json", import.meta.url);

export const hitless: Peer = {
  name: "Hitless",
  install: "npm ci",
  isInstalled: () => true,
  version: () => `${(JSON.parse(readFileSync(PACKAGE, "utf8")) as { version: string }).version} on Node ${process.versions.node}`,
  start: async (place) => {
    const { directory, core, port } = place;
    const program = new Program({
      command: [process.execPath, MAIN, "--state", directory, "--workers", "1"],
      core,
      logFile: join(directory, "log"),
    });
    await program.until(async () => existsSync(controlSocket(directory)));
    await new ProxyTraffic(directory).apply(routes(place));
    await program.until(() => isListening(port));
    return program;
  },
};

/** What it serves. */
export function routes({ port, securePort, certificate, backendPort }: PeerPlace): RouteTable {
  const target = { instance: "web-r1-1", host: "127.0.0.1", port: backendPort, health: null };
  return {
    app: "bench",
    epoch: 1,
    revision: 1,
    listen: { host: "127.0.0.1", port },
    tls: {
      listen: { host: "127.0.0.1", port: securePort },
      names: [],
      certificates: [certificate],
      acme: null,
      redirect: null,
      hsts: null,
      minVersion: "TLSv1.2",
      unknownName: "default",
    },
    proxy: { holdMs: 10_000, firstByteTimeoutMs: 60_000 },
    pools: [{ release: "r1", weight: 1, targets: [target] }],
  };
}
