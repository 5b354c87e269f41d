import type net from "node:net";
import { TLSSocket } from "node:tls";
import { HitlessError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { AspNetConnection } from "../aspnet/connection.ts";
import { snapshotOf } from "../commands/client.ts";
import { handleOf, type Handle } from "./acceptor.ts";
import type { Connection } from "./connection.ts";
import { relayTo } from "./relay.ts";
import type { StateServer } from "./state-server.ts";
import { Successor, type Program } from "./successor.ts";

export interface HandoverOptions {
  readonly server: StateServer;
  readonly log: Logger;
  /** Of the data directory; given up and taken back. */
  readonly lock: { release(): void; take(): void };
  readonly exit: (code: number) => void;
  /** False while the generation before may still hand clients over to this one. */
  readonly isComplete: () => boolean;
}

export interface HandedOver {
  readonly from: number;
  readonly to: number;
  /** For so long no command ran, in ms. */
  readonly heldMs: number;
  readonly ms: number;
}

const STAGE_MS = 10_000;
/** For answers that are on their way. */
const POLL_MS = 5;

/** Replaces the running state server by a new one, with all its connections: no client sees more than a pause. */
export class Handover {
  readonly #options: HandoverOptions;
  readonly #relayed = new Set<net.Socket>();
  #running = false;
  #moved = 0;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the new generation has taken over; this process ends when all connections are over there.
   * Whatever goes wrong before that leaves this one as it is. `readMs`: how long the new one may take to read the data.
   * @throws ERR_STATE_SERVER_UPGRADE
   */
  async run(program: Program, readMs: number): Promise<HandedOver> {
    if (this.#running) throw failure("It is being replaced already.");
    this.#running = true;
    const begun = performance.now();
    const { server, log, lock } = this.#options;
    log.info("a new generation is started", { program: [program.command, ...program.args] });
    await server.store.keepFiles();
    const successor = new Successor(program);
    const state = { held: 0, unlocked: false };
    try {
      await successor.until("hello", STAGE_MS);
      await successor.until("read", readMs);
      state.held = performance.now();
      server.hold();
      await server.store.pause();
      lock.release();
      state.unlocked = true;
      await successor.send({ kind: "final", nextId: server.nextId, addresses: server.listeners.addresses });
      await successor.until("prepared", STAGE_MS);
    } catch (error) {
      await successor.kill();
      await this.#goOn(state);
      throw failure(error instanceof Error ? error.message : String(error));
    }
    await this.#commit(successor);
    const now = performance.now();
    const outcome = { from: process.pid, to: successor.pid, heldMs: Math.round(now - state.held), ms: Math.round(now - begun) };
    log.info("the new generation serves", { ...outcome });
    return outcome;
  }

  async #goOn(state: { readonly held: number; readonly unlocked: boolean }): Promise<void> {
    const { server, log, lock } = this.#options;
    this.#running = false;
    if (state.unlocked) lock.take();
    if (state.held > 0) await server.store.takeBack();
    else server.store.resume();
    server.release();
    log.error("the upgrade failed; this generation goes on");
  }

  /** From here on there is no way back. */
  async #commit(successor: Successor): Promise<void> {
    const { server, log, exit } = this.#options;
    try {
      for (const { address, handle } of server.listeners.handles()) await successor.send({ kind: "listener", address }, handle);
      await successor.send({ kind: "commit" });
      await successor.until("committed", STAGE_MS);
    } catch (error) {
      log.error("the new generation died while it took over; both end, and the log has everything", { why: String(error) });
      await successor.kill();
      exit(1);
      return;
    }
    server.listeners.surrender();
    void this.#handClientsOver(successor);
  }

  /** All there are, and those that a unix socket still lets in, as long as this process lives. */
  async #handClientsOver(successor: Successor): Promise<void> {
    const { server, log, exit, isComplete } = this.#options;
    for (let told = false; ;) {
      const idle = [...server.connections].filter((connection) => connection.isIdle);
      for (const connection of idle) await this.#handOver(connection, successor);
      for (const connection of [...server.aspNet.connections].filter((one) => one.isIdle))
        await this.#handOverAspNet(connection, successor);
      const isEmpty = server.connections.size + server.aspNet.connections.size === 0 && isComplete();
      if (isEmpty && this.#relayed.size === 0) break;
      if (isEmpty && !told) {
        told = true;
        await successor.send({ kind: "moved" });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    log.info("all connections are over there", { moved: this.#moved });
    successor.leave();
    exit(0);
  }

  async #handOver(connection: Connection, successor: Successor): Promise<void> {
    const { server } = this.#options;
    const { socket, client } = connection;
    server.connections.delete(connection);
    if (socket.destroyed) return;
    const rest = connection.detach();
    const snapshot = snapshotOf(client);
    let moving = socket;
    if (socket instanceof TLSSocket) {
      this.#relayed.add(socket);
      socket.once("close", () => this.#relayed.delete(socket));
      moving = await relayTo(socket, server.settings.directory, String(client.id));
    }
    await this.#move(moving, (handle) => successor.send({ kind: "client", client: snapshot, rest }, handle));
  }

  async #handOverAspNet(connection: AspNetConnection, successor: Successor): Promise<void> {
    const { server } = this.#options;
    server.aspNet.connections.delete(connection);
    if (connection.socket.destroyed) return;
    const rest = connection.detach();
    await this.#move(connection.socket, (handle) => successor.send({ kind: "asp.net", rest }, handle));
  }

  async #move(socket: net.Socket, send: (handle: Handle) => Promise<boolean>): Promise<void> {
    const handle: Handle | null = handleOf(socket);
    handle?.readStop?.();
    if (handle !== null) await send(handle);
    // The other process has a descriptor of its own by now, or nobody ever will.
    socket.destroy();
    this.#moved += 1;
  }
}

function failure(why: string): HitlessError {
  return new HitlessError({
    code: "ERR_STATE_SERVER_UPGRADE",
    what: "The new state server did not take over; the old one goes on unchanged.",
    why,
    next: "Its last lines are in the log of the state server.",
  });
}
