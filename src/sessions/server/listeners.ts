import { chmodSync, rmSync, statSync, renameSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { HitlessError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { acceptShared, handleOf, type Handle, type OnSocket } from "./acceptor.ts";
import { formatAddress, type SessionAddress } from "./listen-address.ts";

export interface TlsFiles {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

interface Open {
  readonly address: SessionAddress;
  readonly server: net.Server;
}

/** A handshake that takes longer is given up. */
const HANDSHAKE_MS = 10_000;

/** The listening sockets of the state server: bound here, or inherited from the generation before. */
export class Listeners {
  readonly #onSocket: (address: SessionAddress) => OnSocket;
  readonly #tls: TlsFiles | null;
  readonly #log: Logger;
  #open: Open[] = [];

  /** `onSocket`: who takes the connections of an address. */
  constructor(onSocket: (address: SessionAddress) => OnSocket, tlsFiles: TlsFiles | null, log: Logger) {
    this.#onSocket = onSocket;
    this.#tls = tlsFiles;
    this.#log = log;
  }

  /** As bound: with the real port where 0 was asked for. */
  get addresses(): readonly SessionAddress[] {
    return this.#open.map(({ address }) => address);
  }

  /** @throws ERR_LISTEN_ADDRESS_TAKEN */
  async listen(address: SessionAddress): Promise<void> {
    if (address.kind === "unix") await removeStale(address);
    if (address.kind !== "unix") {
      await this.#start(address, (server) => server.listen({ host: address.host, port: address.port }));
      return;
    }
    // Whoever has bound a unix socket takes its path away when it stops listening (libuv): so it is bound under another name.
    const bound = `${address.path}.new`;
    rmSync(bound, { force: true });
    await this.#start(address, (server) => server.listen({ path: bound }), bound);
  }

  /** A socket that listens already. */
  inherit(address: SessionAddress, handle: Handle): Promise<void> {
    return this.#start(address, (server) => server.listen(handle as net.ListenOptions));
  }

  /** For the next generation. */
  handles(): readonly { readonly address: SessionAddress; readonly handle: Handle }[] {
    return this.#open.flatMap(({ address, server }) => {
      const handle = handleOf(server);
      return handle === null ? [] : [{ address, handle }];
    });
  }

  /** Accepts nothing more, and takes the paths of unix sockets away. */
  close(): void {
    for (const { address, server } of this.#open.splice(0)) {
      server.close();
      if (address.kind === "unix") rmSync(address.path, { force: true });
    }
  }

  /** Another process listens on the same sockets. */
  surrender(): void {
    for (const { server } of this.#open.splice(0)) server.close();
  }

  /** `bound`: the path that a unix socket has until it is ready. */
  async #start(address: SessionAddress, listen: (server: net.Server) => void, bound?: string): Promise<void> {
    const server = this.#create(address);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        reject(cannotListen(address, error));
      });
      server.once("listening", resolve);
      listen(server);
    });
    server.on("error", (error) => {
      this.#log.error("a listening socket has an error", { address: formatAddress(address), why: error.message });
    });
    if (address.kind === "unix" && bound !== undefined) {
      chmodSync(bound, 0o600);
      renameSync(bound, address.path);
    }
    const place = server.address();
    const real =
      address.kind !== "unix" && typeof place === "object" && place !== null ? { ...address, port: place.port } : address;
    this.#open.push({ address: real, server });
  }

  #create(address: SessionAddress): net.Server {
    if (address.kind !== "tls") {
      const server = net.createServer({ allowHalfOpen: true, noDelay: true });
      acceptShared(server, this.#onSocket(address));
      return server;
    }
    if (this.#tls === null)
      throw new HitlessError({ code: "ERR_USAGE", what: `${formatAddress(address)} needs a certificate and its key.` });
    const server = tls.createServer({ ...this.#tls, allowHalfOpen: true, noDelay: true, handshakeTimeout: HANDSHAKE_MS });
    server.on("secureConnection", (socket) => {
      socket.on("data", this.#onSocket(address)(socket));
    });
    server.on("tlsClientError", () => undefined);
    return server;
  }
}

/** A socket file that nobody listens on any more. */
async function removeStale(address: SessionAddress & { kind: "unix" }): Promise<void> {
  const { path } = address;
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const alive = await new Promise<boolean>((resolve) => {
    const probe = net.connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => {
      resolve(false);
    });
  });
  if (alive) throw taken(address);
  rmSync(path, { force: true });
}

function cannotListen(address: SessionAddress, error: NodeJS.ErrnoException): HitlessError {
  if (error.code === "EADDRINUSE") return taken(address);
  return new HitlessError({ code: "ERR_USAGE", what: `Cannot listen on ${formatAddress(address)}.`, why: error.message });
}

function taken(address: SessionAddress): HitlessError {
  return new HitlessError({
    code: "ERR_LISTEN_ADDRESS_TAKEN",
    what: `Another program already listens on ${formatAddress(address)}.`,
    next: "Choose another address with --listen, or end that program.",
  });
}
