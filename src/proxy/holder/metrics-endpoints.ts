import type { Logger } from "../../base/log.ts";
import type { ListenAddress } from "../../core/listen-address.ts";
import type { RouteTable } from "../../core/routes.ts";
import { MetricsEndpoint } from "./metrics-endpoint.ts";

/** The addresses on which apps want the proxy's metrics served. Several apps may name the same one. */
export class MetricsEndpoints {
  readonly #text: () => Promise<string>;
  readonly #log: Logger;
  readonly #wanted = new Map<string, ListenAddress>();
  readonly #open = new Map<string, MetricsEndpoint>();

  constructor(text: () => Promise<string>, log: Logger) {
    this.#text = text;
    this.#log = log;
  }

  apply({ app, proxy: { metrics } }: RouteTable): void {
    if (metrics === undefined) this.#wanted.delete(app);
    else this.#wanted.set(app, metrics);
    this.#adjust();
  }

  remove(app: string): void {
    this.#wanted.delete(app);
    this.#adjust();
  }

  warnings(app: string): readonly string[] {
    const address = this.#wanted.get(app);
    const problem = address === undefined ? null : (this.#open.get(keyOf(address))?.problem ?? null);
    return problem === null ? [] : [problem];
  }

  close(): void {
    this.#wanted.clear();
    this.#adjust();
  }

  #adjust(): void {
    const wanted = new Map([...this.#wanted.values()].map((address) => [keyOf(address), address]));
    for (const [key, endpoint] of this.#open) {
      if (wanted.has(key)) continue;
      endpoint.close();
      this.#open.delete(key);
    }
    for (const [key, address] of wanted)
      if (!this.#open.has(key)) this.#open.set(key, new MetricsEndpoint(address, this.#text, this.#log));
  }
}

function keyOf({ host, port }: ListenAddress): string {
  return `${host} ${String(port)}`;
}
