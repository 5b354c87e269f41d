import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { freePort } from "./free-port.ts";
import { temporaryDirectory, until } from "./temp.ts";
import { connectRaw } from "./wire/raw-client.ts";

const HAPROXY_DEFAULTS = "defaults\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n";

/** HAProxy with one listener, whose lines after `bind` are given; gives its port. */
export async function startHaproxy(lines: readonly string[], bindOptions = ""): Promise<number> {
  const port = await freePort();
  const file = join(temporaryDirectory(), "haproxy.cfg");
  const bind = ` bind 127.0.0.1:${String(port)} ${bindOptions}`;
  writeFileSync(file, `${HAPROXY_DEFAULTS}listen l\n${[bind, ...lines].join("\n ")}\n`);
  await run("haproxy", ["-db", "-f", file], port);
  return port;
}

/** nginx with one server, whose directives after `listen` are given; gives its port. */
export async function startNginx(directives: readonly string[], listenOptions = ""): Promise<number> {
  const port = await freePort();
  const directory = temporaryDirectory();
  const file = join(directory, "nginx.conf");
  const server = [`listen 127.0.0.1:${String(port)} ${listenOptions}`, ...directives].map((line) => `${line};`).join(" ");
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/error.log;\n` +
      `events {} http { access_log off; client_body_temp_path ${directory}; proxy_temp_path ${directory};\n` +
      `fastcgi_temp_path ${directory}; uwsgi_temp_path ${directory}; scgi_temp_path ${directory}; server { ${server} } }\n`,
  );
  await run("nginx", ["-c", file, "-e", join(directory, "error.log")], port);
  return port;
}

async function run(program: string, args: readonly string[], port: number): Promise<void> {
  const child = spawn(program, args, { stdio: "ignore" });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  await until(() =>
    connectRaw(port).then(
      (client) => {
        client.fin();
        return true;
      },
      () => false,
    ),
  );
}
