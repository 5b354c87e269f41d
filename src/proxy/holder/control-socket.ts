import { rename, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import type { ProxyStatus } from "../../api/proxy-control.ts";
import { call } from "../../api/transport/call.ts";
import { serve, type Call, type Route } from "../../api/transport/serve.ts";
import type { Logger } from "../../base/log.ts";

/** The control socket of one proxy process, `control.sock` in its directory. */
export class ControlSocket {
  readonly #directory: string;
  readonly #routes: readonly Route[];
  readonly #log: Logger;
  #server: Server | null = null;
  #surrendered = false;
  #calls = 0;
  #whenIdle: (() => void)[] = [];

  constructor(directory: string, routes: readonly Route[], log: Logger) {
    this.#directory = directory;
    this.#routes = routes.map((route) => ({ ...route, handle: (given: Call) => this.#counted(route, given) }));
    this.#log = log;
  }

  /** For a proxy that is started afresh. @throws ERR_DAEMON_RUNNING when another one answers */
  async open(): Promise<void> {
    this.#server = await serve(this.#path, this.#routes, this.#log);
  }

  /** In one step instead of whoever served there: nobody finds the socket missing or unanswered. */
  async takeOver(): Promise<void> {
    const temporary = this.#temporary(process.pid);
    this.#server = await serve(temporary, this.#routes, this.#log);
    await rename(temporary, this.#path);
  }

  /** After a new generation (of that pid) has failed, which may have had it for a moment. */
  async restore(successor: number): Promise<void> {
    await rm(this.#temporary(successor), { force: true });
    if ((await this.answeredBy()) !== process.pid) await this.takeOver();
  }

  /** Another generation has it; this one only finishes its calls. */
  surrender(): void {
    this.#surrendered = true;
  }

  /** The process that answers there, if any. */
  async answeredBy(): Promise<number | null> {
    return call<ProxyStatus>(this.#path, "/status", { unreachable: { code: "ERR_PROXY_UNREACHABLE", what: "" } }).then(
      ({ pid }) => pid,
      () => null,
    );
  }

  /** Resolves when every call that has begun is answered. */
  async idle(): Promise<void> {
    if (this.#calls > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle.push(resolve);
      });
    }
    await new Promise(setImmediate);
  }

  /** Closing the server alone would leave a socket that was renamed. */
  async close(): Promise<void> {
    if (this.#surrendered) return;
    this.#server?.close();
    await rm(this.#path, { force: true });
  }

  get #path(): string {
    return join(this.#directory, "control.sock");
  }

  /** No longer than `control.sock`: the path of a unix socket has at most 107 bytes. */
  #temporary(pid: number): string {
    return join(this.#directory, `next.${String(pid)}`);
  }

  async #counted(route: Route, given: Call): Promise<unknown> {
    this.#calls += 1;
    try {
      return await route.handle(given);
    } finally {
      this.#calls -= 1;
      if (this.#calls === 0) for (const waiter of this.#whenIdle.splice(0)) waiter();
    }
  }
}
