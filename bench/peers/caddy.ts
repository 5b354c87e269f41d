import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isInstalled, isListening, Program, versionOf } from "../program.ts";
import type { Peer, PeerPlace } from "./peer.ts";

export const caddy: Peer = {
  name: "Caddy",
  install: "apt-get install caddy",
  isInstalled: () => isInstalled("caddy"),
  version: () => versionOf("caddy", ["version"], /v?(\d[\d.]*\d)/),
  start: async (place) => {
    const { directory, core, port } = place;
    const file = join(directory, "Caddyfile");
    writeFileSync(file, configuration(place));
    const program = new Program({
      command: ["caddy", "run", "--config", file, "--adapter", "caddyfile"],
      core,
      logFile: join(directory, "log"),
      env: { GOMAXPROCS: "1", HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory },
    });
    await program.until(() => isListening(port));
    return program;
  },
};

/** X-Forwarded-For and -Proto are its defaults, as is having no access log. */
function configuration({ port, securePort, certificate, backendPort }: PeerPlace): string {
  const proxy = `reverse_proxy 127.0.0.1:${backendPort} {
		transport http {
			keepalive 300s
			keepalive_idle_conns_per_host 256
		}
	}`;
  return `{
	admin off
	auto_https off
	# Clients that name no host, since they are given an address.
	default_sni localhost
}
http://127.0.0.1:${port} {
	bind 127.0.0.1
	${proxy}
}
https://127.0.0.1:${securePort} {
	bind 127.0.0.1
	tls ${certificate.cert} ${certificate.key}
	${proxy}
}
`;
}
