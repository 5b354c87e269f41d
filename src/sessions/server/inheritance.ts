import type { Handle } from "./acceptor.ts";
import { isServedBy, type SessionAddress } from "./listen-address.ts";
import type { StateServer } from "./state-server.ts";
import { SUCCESSION_PROTOCOL, type ToPredecessor, type ToSuccessor } from "./succession.ts";

/** The new generation's side of a handover (succession.ts). */
export class Inheritance {
  /** All clients of the generation before are here, or gone: until then this one must not end. */
  isComplete = false;
  readonly #server: StateServer;
  readonly #takeLock: () => void;
  readonly #final = Promise.withResolvers<readonly SessionAddress[]>();
  readonly #commit = Promise.withResolvers<undefined>();
  readonly #listeners: { readonly address: SessionAddress; readonly handle: Handle }[] = [];
  #committed = false;
  readonly #early: (() => void)[] = [];

  constructor(server: StateServer, takeLock: () => void) {
    this.#server = server;
    this.#takeLock = takeLock;
    process.on("message", (message: ToSuccessor, handle: unknown) => {
      this.#take(message, handle as Handle);
    });
    process.on("disconnect", () => {
      this.isComplete = true;
      // After `commit` everything is here; clients that were not handed over have been disconnected.
      this.#final.reject(new Error("The old state server ended before it had handed over."));
      this.#commit.reject(new Error("The old state server ended before it had handed over."));
    });
    for (const { promise } of [this.#final, this.#commit]) promise.catch(() => undefined);
  }

  /** Resolves when this generation serves. @throws Error; the old one goes on then */
  async take(): Promise<void> {
    const { store, listeners } = this.#server;
    tellPredecessor({ kind: "hello", protocol: SUCCESSION_PROTOCOL, pid: process.pid });
    await store.follow();
    tellPredecessor({ kind: "read" });
    const inherited = await this.#final.promise;
    this.#takeLock();
    await store.load();
    store.open();
    await this.#listenBeside(inherited);
    tellPredecessor({ kind: "prepared" });
    await this.#commit.promise;
    for (const { address, handle } of this.#listeners) {
      if (this.#server.settings.listen.some((wanted) => isServedBy(wanted, address))) await listeners.inherit(address, handle);
      else handle.close();
    }
    this.#server.begin();
    this.#committed = true;
    tellPredecessor({ kind: "committed" });
    for (const later of this.#early.splice(0)) later();
    this.#server.release();
  }

  /** On what the generation before does not listen: it must be known now whether that can be had. Who comes there waits, as everybody does. */
  async #listenBeside(inherited: readonly SessionAddress[]): Promise<void> {
    const { settings, listeners } = this.#server;
    this.#server.hold();
    for (const wanted of settings.listen)
      if (!inherited.some((address) => isServedBy(wanted, address))) await listeners.listen(wanted);
  }

  #whenCommitted(work: () => void): void {
    if (this.#committed) work();
    else this.#early.push(work);
  }

  #take(message: ToSuccessor, handle: Handle): void {
    switch (message.kind) {
      case "final":
        this.#server.nextId = message.nextId;
        this.#final.resolve(message.addresses ?? this.#server.settings.listen);
        return;
      case "listener":
        this.#listeners.push({ address: message.address, handle });
        return;
      case "commit":
        this.#commit.resolve(undefined);
        return;
      case "moved":
        this.isComplete = true;
        return;
      case "client":
        this.#whenCommitted(() => {
          this.#server.adopt(message.client, Buffer.from(message.rest), handle);
        });
        return;
      case "asp.net":
        this.#whenCommitted(() => {
          this.#server.adoptAspNet(Buffer.from(message.rest), handle);
        });
        return;
    }
  }
}

export function tellPredecessor(message: ToPredecessor): void {
  if (process.connected) process.send?.(message, undefined, {}, () => undefined);
}
