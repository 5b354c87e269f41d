import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { isListening, Program } from "./program.ts";

export interface Backend {
  readonly program: Program;
  readonly port: number;
}

/** The application behind every proxy: one nginx worker that answers everything with the same few bytes. */
export async function startBackend(directory: string, core: number, bodyBytes: number): Promise<Backend> {
  const port = await freePort();
  mkdirSync(directory);
  const file = join(directory, "nginx.conf");
  writeFileSync(file, configuration(directory, port, bodyBytes));
  const program = new Program({ command: ["nginx", "-c", file, "-p", directory], core, logFile: join(directory, "log") });
  await program.until(() => isListening(port));
  return { program, port };
}

function configuration(directory: string, port: number, bodyBytes: number): string {
  return `daemon off;
master_process off;
pid ${directory}/pid;
error_log stderr error;
events { worker_connections 1024; }
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
    location / { return 200 "${"x".repeat(bodyBytes)}"; }
  }
}
`;
}
