import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isInstalled, isListening, Program, versionOf } from "../program.ts";
import type { Peer, PeerPlace } from "./peer.ts";

export const nginx: Peer = {
  name: "nginx",
  install: "apt-get install nginx",
  isInstalled: () => isInstalled("nginx"),
  version: () => versionOf("nginx", ["-v"], /nginx\/(\S+)/),
  start: async (place) => {
    const { directory, core, port } = place;
    const file = join(directory, "nginx.conf");
    writeFileSync(file, configuration(place));
    const program = new Program({ command: ["nginx", "-c", file, "-p", directory], core, logFile: join(directory, "log") });
    await program.until(() => isListening(port));
    return program;
  },
};

function configuration({ directory, port, securePort, certificate, backendPort }: PeerPlace): string {
  return `daemon off;
master_process off;
pid ${directory}/pid;
error_log stderr error;
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  upstream application {
    server 127.0.0.1:${backendPort};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${securePort} ssl http2;
    ssl_certificate ${certificate.cert};
    ssl_certificate_key ${certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    client_max_body_size 2m;
    # Bodies are passed on as they come, as the others do.
    proxy_request_buffering off;
    proxy_buffering on;
    proxy_max_temp_file_size 0;
    http2_max_requests 1000000000;
    location / {
      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`;
}
