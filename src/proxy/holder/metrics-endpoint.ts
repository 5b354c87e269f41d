import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "../../base/log.ts";
import type { ListenAddress } from "../../core/listen-address.ts";
import { taken } from "./listening-socket.ts";

/** The Prometheus text format, version 0.0.4. */
const TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** Of scrapers there are few. */
const CONNECTIONS_MAX = 64;
/** An address that is taken is tried again this often. */
const RETRY_MS = 1_000;

/** Serves the metrics on an address of its own. That the address is taken costs nothing but the metrics there: it is said and tried again. */
export class MetricsEndpoint {
  /** Why it is not served at the moment. */
  problem: string | null = null;
  readonly #address: ListenAddress;
  readonly #text: () => Promise<string>;
  readonly #log: Logger;
  readonly #server: Server;
  #retry: NodeJS.Timeout | null = null;

  constructor(address: ListenAddress, text: () => Promise<string>, log: Logger) {
    this.#address = address;
    this.#text = text;
    this.#log = log;
    this.#server = createServer((request, response) => {
      void this.#answer(request, response);
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on("listening", () => {
      this.problem = null;
      this.#log.info("the metrics are served", { address: this.#server.address() });
    });
    this.#server.on("error", (error: NodeJS.ErrnoException) => {
      this.#failed(error);
    });
    this.#listen();
  }

  close(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #listen(): void {
    this.#server.listen({ ...this.#address, exclusive: true });
  }

  #failed(error: NodeJS.ErrnoException): void {
    const { code, what } = taken(this.#address).failure;
    const problem = `the metrics are not served: ${error.code === "EADDRINUSE" ? `${what} (${code})` : error.message}`;
    if (problem !== this.problem) this.#log.error("the metrics are not served at the moment", { problem });
    this.problem = problem;
    this.#retry = setTimeout(() => {
      this.#listen();
    }, RETRY_MS);
  }

  async #answer({ method, url = "" }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (method !== "GET" && method !== "HEAD") response.writeHead(405, { allow: "GET, HEAD" }).end();
    else if (url.split("?", 1)[0] !== "/metrics") response.writeHead(404).end("the metrics are at /metrics\n");
    else
      try {
        const text = await this.#text();
        response.writeHead(200, { "content-type": TYPE }).end(text);
      } catch (error) {
        // Another generation of the proxy has taken over.
        response.writeHead(503, { "retry-after": "1" }).end(`${String(error)}\n`);
      }
  }
}
