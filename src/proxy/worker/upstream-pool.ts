import type { ProxyProtocolVersion } from "../../core/forwarding.ts";
import { proxyHeader } from "../send-proxy-header.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { Limits } from "./limits.ts";
import type { TargetPool } from "./target-pool.ts";
import type { Upstream } from "./upstream.ts";
import { UpstreamConnection } from "./upstream-connection.ts";

/** After so many stale connections in a row the application evidently closes sooner than we think. */
const STALE_HITS_MAX = 2;

/** Where a target is reached, and how it is told whose a connection is. */
interface TargetAddress {
  readonly host: string;
  readonly port: number;
  readonly proxyProtocol?: ProxyProtocolVersion | undefined;
}

/**
 * The idle connections to one target, last in first out: hot ones stay hot, cold ones expire. Hygiene after the law in
 * docs/architecture.md (retry, keep-alive and drain).
 */
export class UpstreamPool implements TargetPool {
  readonly #address: TargetAddress;
  readonly #limits: Limits;
  readonly #idle: Upstream[] = [];
  #idleLimitMs: number;
  #staleHits = 0;
  #retired = false;

  constructor(address: TargetAddress, limits: Limits) {
    this.#address = address;
    this.#limits = limits;
    this.#idleLimitMs = limits.upstreamIdleMs;
  }

  /**
   * The most recently used idle connection, or null. With `fresh`, only one that was idle for so short a time that the application will not
   * have closed it: for requests that cannot be repeated. An instance that is told whose a connection is gets no other client's requests on it.
   */
  take(fresh: boolean, client: ExchangeClient): Upstream | null {
    const preface = this.#prefaceFor(client);
    const limit = fresh ? Math.min(this.#limits.upstreamFreshMs, this.#idleLimitMs / 4) : this.#idleLimitMs;
    for (let connection = this.#pop(preface); connection !== undefined; connection = this.#pop(preface)) {
      if (!connection.isUsable()) continue;
      if (Date.now() - connection.idleSince <= limit) return connection;
      if (fresh) {
        this.#idle.push(connection);
        return null;
      }
      connection.destroy();
    }
    return null;
  }

  dial(client: ExchangeClient): Upstream {
    const { host, port } = this.#address;
    return new UpstreamConnection({ host, port, preface: this.#prefaceFor(client) }, this.#limits, (connection) => {
      const index = this.#idle.indexOf(connection);
      if (index >= 0) this.#idle.splice(index, 1);
    });
  }

  /** Takes a connection back that has finished a request cleanly. */
  give(connection: Upstream): void {
    const { idleHintMs } = connection;
    connection.user = null;
    this.#staleHits = 0;
    if (idleHintMs !== null) this.#idleLimitMs = Math.min(this.#idleLimitMs, Math.max(0, idleHintMs - 1_500));
    if (this.#retired || !connection.isUsable() || this.#idle.length >= this.#limits.upstreamIdleMax || this.#idleLimitMs === 0) {
      connection.destroy();
      return;
    }
    connection.reused = true;
    connection.idleSince = Date.now();
    this.#idle.push(connection);
  }

  /** A reused connection turned out to be closed: after a few of them none is trusted, and they are kept for a shorter time. */
  noteStale(): void {
    this.#staleHits += 1;
    if (this.#staleHits < STALE_HITS_MAX) return;
    this.#staleHits = 0;
    this.#idleLimitMs = Math.max(100, this.#idleLimitMs / 2);
    this.#destroyIdle();
  }

  /** Closes what has been idle for too long. */
  sweep(now: number): void {
    while (this.#idle[0] !== undefined && now - this.#idle[0].idleSince > this.#idleLimitMs) this.#idle.shift()?.destroy();
  }

  /** Closes everything idle, and from now on whatever is given back. */
  retire(): void {
    this.#retired = true;
    this.#destroyIdle();
  }

  /** The target is in the table again. */
  revive(): void {
    this.#retired = false;
  }

  #prefaceFor(client: ExchangeClient): string {
    const { proxyProtocol } = this.#address;
    return proxyProtocol === undefined ? "" : proxyHeader(proxyProtocol, client.ends);
  }

  #pop(preface: string): Upstream | undefined {
    if (preface === "") return this.#idle.pop();
    const index = this.#idle.findLastIndex((connection) => connection.preface === preface);
    return index < 0 ? undefined : this.#idle.splice(index, 1)[0];
  }

  #destroyIdle(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }
}
