import { lookup } from "node:dns/promises";
import net from "node:net";
import { HitlessError } from "../../base/error.ts";
import type { ListenAddress } from "../../core/listen-address.ts";

/** A bound TCP socket that this process keeps open but never accepts on; workers do, on handles they are sent. */
export interface ListeningSocket {
  /** As bound: the port is the real one also where 0 was asked for. */
  readonly address: ListenAddress;
  /** For `child.send(message, handle)`. */
  readonly handle: unknown;
  close(): void;
}

export interface TcpHandle {
  getsockname(out: { address?: string; port?: number }): number;
  close(): void;
}

// eslint-disable-next-line max-params -- the shape is Node's
type CreateServerHandle = (address: string, port: number, addressType: 4 | 6, fd: -1, flags: 0) => TcpHandle | number;

/**
 * Binds without accepting. Node has no public call for that: `net.Server` would accept in the holder too, and what it accepts is lost with it.
 * `_createServerHandle` is what node:cluster has used for the same purpose since version 0.12 (docs/adr/0002-listening-sockets.md); it is
 * called nowhere else.
 * @throws ERR_LISTEN_ADDRESS_TAKEN, ERR_PROXY_REFUSED
 */
export async function bind(address: ListenAddress): Promise<ListeningSocket> {
  const { address: ip, family } = await lookup(address.host).catch((error: unknown) => {
    throw refused(address, `The name cannot be resolved (${String(error)}).`);
  });
  const createServerHandle = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;
  await throwIfTaken(ip, address);
  const handle = createServerHandle(ip, address.port, family === 6 ? 6 : 4, -1, 0);
  if (typeof handle === "number") throw refused(address, `The system says ${errorName(handle)}.`);
  const bound: { port?: number } = {};
  handle.getsockname(bound);
  return inherited({ host: address.host, port: bound.port ?? address.port }, handle);
}

/** A bound socket that came from another process. */
export function inherited(address: ListenAddress, handle: TcpHandle): ListeningSocket {
  return {
    address,
    handle,
    close: () => {
      handle.close();
    },
  };
}

/** Binding alone does not notice another listener (SO_REUSEADDR); listening does. Tried with a socket of its own, at once closed again. */
async function throwIfTaken(ip: string, address: ListenAddress): Promise<void> {
  if (address.port === 0) return;
  const trial = net.createServer();
  await new Promise<void>((resolve, reject) => {
    trial.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? taken(address) : refused(address, error.message));
    });
    trial.listen({ host: ip, port: address.port, exclusive: true }, () => {
      trial.close(() => {
        resolve();
      });
    });
  });
}

export function taken({ host, port }: ListenAddress): HitlessError {
  return new HitlessError({
    code: "ERR_LISTEN_ADDRESS_TAKEN",
    what: `Another program already listens on ${host}:${String(port)}.`,
    next: `Choose another \`listen\` address, or find the program with \`ss -ltnp 'sport = :${String(port)}'\`.`,
  });
}

function refused({ host, port }: ListenAddress, why: string): HitlessError {
  return new HitlessError({ code: "ERR_PROXY_REFUSED", what: `The proxy cannot listen on ${host}:${String(port)}.`, why });
}

function errorName(code: number): string {
  return code === -13 ? "EACCES: permission denied (ports below 1024 need CAP_NET_BIND_SERVICE)" : `error ${String(-code)}`;
}
