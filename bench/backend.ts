import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../test/support/free-port.ts";
import { isListening, Program } from "./program.ts";

export interface Backend {
  readonly program: Program;
  readonly port: number;
}

const SMALL_BYTES = 128;
const MIB = 1_048_576;

/** The application behind every proxy: one nginx worker that answers with the same few bytes, or with 1 MiB, or takes 1 MiB. */
export async function startBackend(directory: string, core: number): Promise<Backend> {
  const port = await freePort();
  mkdirSync(directory);
  writeFileSync(join(directory, "mib"), Buffer.alloc(MIB, "x"));
  const file = join(directory, "nginx.conf");
  writeFileSync(file, configuration(directory, port));
  const program = new Program({ command: ["nginx", "-c", file, "-p", directory], core, logFile: join(directory, "log") });
  await program.until(() => isListening(port));
  return { program, port };
}

function configuration(directory: string, port: number): string {
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
  server {
    listen 127.0.0.1:${port};
    default_type text/plain;
    client_max_body_size 2m;
    client_body_buffer_size 2m;
    location / { return 200 "${"x".repeat(SMALL_BYTES)}"; }
    location = /mib { root ${directory}; }
    # A body is read before it is passed on, and whoever it is passed on to answers at once.
    location = /upload { proxy_pass http://unix:${directory}/sink; }
  }
  server {
    listen unix:${directory}/sink;
    client_max_body_size 2m;
    location / { return 200 "stored"; }
  }
}
`;
}
