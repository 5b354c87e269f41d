import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isInstalled, isListening, Program, versionOf } from "../program.ts";
import type { Peer, PeerPlace } from "./peer.ts";

export const haproxy: Peer = {
  name: "HAProxy",
  install: "apt-get install haproxy",
  isInstalled: () => isInstalled("haproxy"),
  version: () => versionOf("haproxy", ["-v"], /version (\d[\d.]*\d)/),
  start: async (place) => {
    const { directory, core, port } = place;
    const file = join(directory, "haproxy.cfg");
    const { cert, key } = place.certificate;
    writeFileSync(join(directory, "both.pem"), `${readFileSync(cert, "utf8")}\n${readFileSync(key, "utf8")}`);
    writeFileSync(file, configuration(place));
    const program = new Program({ command: ["haproxy", "-db", "-f", file], core, logFile: join(directory, "log") });
    await program.until(() => isListening(port));
    return program;
  },
};

function configuration({ directory, port, securePort, backendPort }: PeerPlace): string {
  return `global
  nbthread 1
  maxconn 9500
defaults
  mode http
  timeout client 300s
  timeout server 300s
  timeout connect 5s
  option forwardfor
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  bind 127.0.0.1:${securePort} ssl crt ${directory}/both.pem alpn h2,http/1.1
  http-request set-header X-Forwarded-Proto http unless { ssl_fc }
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  default_backend application
backend application
  server one 127.0.0.1:${backendPort} pool-max-conn 256
`;
}
