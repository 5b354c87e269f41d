import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { ProxyTraffic } from "../../../src/adapters/proxy/traffic.ts";
import type { ProxyAppStatus } from "../../../src/api/proxy-control.ts";
import type { RouteTable } from "../../../src/core/routes.ts";
import type { TlsSpec } from "../../../src/core/tls.ts";
import { temporaryDirectory, until } from "../temp.ts";

const MAIN = fileURLToPath(new URL("../../../src/proxy/main.ts", import.meta.url));
const LOOPBACK = { host: "127.0.0.1", port: 0 };

export const PLAIN_TLS: TlsSpec = {
  listen: LOOPBACK,
  names: [],
  certificates: [],
  acme: null,
  redirect: null,
  hsts: null,
  minVersion: "TLSv1.2",
  unknownName: "default",
};

/** A real proxy with two workers in a state directory of its own. */
export class TestProxy {
  readonly state: string;
  readonly traffic: ProxyTraffic;
  readonly #child: ChildProcess;
  log = "";

  constructor(state: string, env: NodeJS.ProcessEnv) {
    this.state = state;
    this.traffic = new ProxyTraffic(state);
    this.#child = spawn(process.execPath, [MAIN, "--state", state, "--workers", "2"], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output?.setEncoding("utf8").on("data", (text: string) => {
        this.log += text;
      });
    }
  }

  async ready(): Promise<void> {
    await until(() => this.traffic.status().catch(() => null), { what: `the proxy answers; its log: ${this.log}` });
  }

  /** The only app's status. */
  async status(): Promise<ProxyAppStatus> {
    const [app] = (await this.traffic.status()).apps;
    if (app === undefined) throw new Error("the proxy has no app");
    return app;
  }

  async ports(): Promise<{ plain: number; secure: number }> {
    const { listen, tls } = await this.status();
    return { plain: listen.port, secure: tls?.listen.port ?? 0 };
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    await this.traffic.shutdown(100).catch(() => this.#child.kill("SIGKILL"));
    await exited;
  }
}

/** Ends with the test. */
export async function startProxy(state = temporaryDirectory(), env: NodeJS.ProcessEnv = {}): Promise<TestProxy> {
  const proxy = new TestProxy(state, env);
  onTestFinished(() => proxy.end());
  await proxy.ready();
  return proxy;
}

export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** An application that answers with what it was asked, and on /cut with the beginning of an answer. Gives its port; ends with the test. */
export async function startEcho(fields: Readonly<Record<string, string>> = {}): Promise<number> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("latin1").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      if (request.url === "/cut") {
        response.writeHead(200, { "content-length": "1000" });
        response.write("the beginning");
        setTimeout(() => request.socket.destroy(), 50);
        return;
      }
      const { method = "", url = "", headers } = request;
      response.writeHead(200, { "content-type": "application/json", ...fields });
      response.end(JSON.stringify({ method, url, headers, body } satisfies Echo));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

let revision = 0;

/** A table of the app `shop` with one instance. Every call gives a newer one. */
export function tableFor(port: number, tls: Partial<TlsSpec> | null, more: Partial<RouteTable> = {}): RouteTable {
  revision += 1;
  return {
    app: "shop",
    epoch: 1,
    revision,
    listen: LOOPBACK,
    tls: tls === null ? null : { ...PLAIN_TLS, ...tls },
    proxy: { holdMs: 1_000, firstByteTimeoutMs: 10_000 },
    pools: [{ release: "r1", weight: 1, targets: [{ instance: "web.r1.1", host: "127.0.0.1", port, health: null }] }],
    ...more,
  };
}
