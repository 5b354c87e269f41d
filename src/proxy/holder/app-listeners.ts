import { HitlessError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { ListenAddress } from "../../core/listen-address.ts";
import type { RouteTable } from "../../core/routes.ts";
import type { ProxiedSettings } from "../messages.ts";
import type { SecureSettings } from "../tls/secure-acceptor.ts";
import { listenerKey } from "../listener-key.ts";
import { bind, taken, type ListeningSocket } from "./listening-socket.ts";
import type { WorkerGroup } from "./worker-group.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** What an app can listen on: one address each. */
type Purpose = "plain" | "secure";

interface Wanted {
  readonly purpose: Purpose;
  readonly address: ListenAddress;
  readonly secure: SecureSettings | null;
}

/** What another holder has to know of a listening socket that it is sent. */
export interface ListenerInfo extends Wanted {
  /** How the workers know it: the address as bound. */
  readonly key: string;
  readonly app: string;
}

export interface HeldListener extends ListenerInfo {
  readonly socket: ListeningSocket;
}

/** The apps that share a socket. */
type Sharing = readonly [HeldListener, ...HeldListener[]];

interface ListenFor {
  readonly listener: string;
  readonly app: string;
  readonly others: readonly string[];
  readonly secure: SecureSettings | null;
}

/** The listening sockets of all apps, held here and accepted on by the workers. Apps that name the same address share one. */
export class AppListeners {
  readonly #workers: WorkerGroup;
  readonly #log: Logger;
  #held: readonly HeldListener[];
  /** Workers accept; those of a new generation do not until the old one says so. */
  #accepting: boolean;

  /** `inherited` is null for a proxy that is started afresh. */
  constructor(workers: WorkerGroup, inherited: readonly HeldListener[] | null, log: Logger) {
    this.#workers = workers;
    this.#held = inherited ?? [];
    this.#accepting = inherited === null;
    this.#log = log;
  }

  /** For the holder that takes over. */
  all(): readonly HeldListener[] {
    return this.#held;
  }

  /** The workers accept from now on. @throws ERR_LISTEN_ADDRESS_TAKEN */
  async accept(): Promise<void> {
    this.#accepting = true;
    await Promise.all(this.#bySocket().map((sharing) => this.#tellToListen(sharing, true)));
  }

  /** As bound; null if the app has none for that. */
  address(app: string, purpose: Purpose): ListenAddress | null {
    return this.#find(app, purpose)?.socket.address ?? null;
  }

  /**
   * Listens on what the table names. A socket stays as it is unless its address changes; what is new is listened on before anything old goes
   * (`closeOthers`). When one cannot be had, none of the new ones is kept. @throws ERR_LISTEN_ADDRESS_TAKEN, ERR_PROXY_REFUSED
   */
  async open(table: RouteTable): Promise<void> {
    const opened: HeldListener[] = [];
    try {
      for (const wanted of wantedBy(table)) {
        if (this.#holds(table.app, wanted)) continue;
        const held = await this.#bind(table.app, wanted);
        opened.push(held);
        await this.#tellToListen([held], !this.#isHeld(held.socket), proxiedBy(table));
      }
    } catch (error) {
      await Promise.all(opened.map((held) => this.#close(held)));
      throw error;
    }
    this.#held = [...this.#held, ...opened];
  }

  /** Closes what the table does not name (any more). */
  async closeOthers(table: RouteTable): Promise<void> {
    const wanted = wantedBy(table);
    await this.#closeWhere((held) => held.app === table.app && !wanted.some((one) => isSame(one, held)));
  }

  async closeAllOf(app: string): Promise<void> {
    await this.#closeWhere((held) => held.app === app);
  }

  /** Hands a new worker, which has all tables, the sockets: it accepts from now on. */
  async prepare(worker: WorkerProcess): Promise<void> {
    if (!this.#accepting) return;
    for (const sharing of this.#bySocket()) {
      const answer = await worker.ask({ kind: "listen", ...listenFor(sharing) }, sharing[0].socket.handle);
      if (answer.kind === "refused") this.#log.error("a worker cannot listen", { listener: sharing[0].key, why: answer.reason });
    }
  }

  /** When the workers have ended. */
  closeSockets(): void {
    for (const socket of new Set(this.#held.map((held) => held.socket))) socket.close();
    this.#held = [];
  }

  #find(app: string, purpose: Purpose): HeldListener | null {
    return this.#held.find((held) => held.app === app && held.purpose === purpose) ?? null;
  }

  #holds(app: string, wanted: Wanted): boolean {
    return this.#held.some((held) => held.app === app && isSame(wanted, held));
  }

  async #bind(app: string, wanted: Wanted): Promise<HeldListener> {
    const { address } = wanted;
    const other = this.#held.find((held) => address.port !== 0 && isSameAddress(held.address, address));
    if (other !== undefined && (other.app === app || other.purpose !== wanted.purpose)) throw takenByApp(other, app, wanted);
    if (other !== undefined) return { ...wanted, app, key: other.key, socket: other.socket };
    const socket = await bind(address);
    return { ...wanted, app, key: listenerKey(socket.address), socket };
  }

  /** The handle goes along with the first app of a socket. `proxied`: where the table that says so has not come yet. */
  async #tellToListen(sharing: Sharing, isFirst: boolean, proxied?: ProxiedSettings): Promise<void> {
    const [{ socket, address }] = sharing;
    const message = { kind: "listen", ...listenFor(sharing), ...(proxied === undefined ? {} : { proxied }) } as const;
    const answers = await this.#workers.demandAll(message, isFirst ? socket.handle : undefined);
    if (answers.some((answer) => answer.kind === "refused")) throw taken(address);
  }

  #bySocket(): readonly Sharing[] {
    const bySocket = new Map<ListeningSocket, [HeldListener, ...HeldListener[]]>();
    for (const held of this.#held) {
      const sharing = bySocket.get(held.socket);
      if (sharing === undefined) bySocket.set(held.socket, [held]);
      else sharing.push(held);
    }
    return [...bySocket.values()];
  }

  async #closeWhere(unwanted: (held: HeldListener) => boolean): Promise<void> {
    const closing = this.#held.filter((held) => unwanted(held));
    this.#held = this.#held.filter((held) => !closing.includes(held));
    await Promise.all(closing.map((held) => this.#close(held)));
  }

  async #close({ key, app, socket }: HeldListener): Promise<void> {
    await this.#workers.demandAll({ kind: "unlisten", listener: key, app });
    if (!this.#isHeld(socket)) socket.close();
  }

  /** Some app is served on it. */
  #isHeld(socket: ListeningSocket): boolean {
    return this.#held.some((held) => held.socket === socket);
  }
}

/** All apps of a socket at once: a worker that knew only some of them would give those the others' requests. */
function listenFor([{ key, app, secure }, ...others]: Sharing): ListenFor {
  return { listener: key, app, others: others.map((held) => held.app), secure };
}

function proxiedBy({ proxy }: RouteTable): ProxiedSettings | undefined {
  return proxy.proxyProtocol?.in === "require" ? { trusted: proxy.forwarding?.trustedProxies ?? [] } : undefined;
}

function wantedBy({ listen, tls }: RouteTable): readonly Wanted[] {
  const plain: Wanted = { purpose: "plain", address: listen, secure: null };
  if (tls === null) return [plain];
  const { minVersion, unknownName } = tls;
  return [plain, { purpose: "secure", address: tls.listen, secure: { minVersion, unknownName } }];
}

/** The settings of a secure listener come with each route table; they do not make it another one. */
function isSame(wanted: Wanted, held: HeldListener): boolean {
  return wanted.purpose === held.purpose && isSameAddress(wanted.address, held.address);
}

function isSameAddress(a: ListenAddress, b: ListenAddress): boolean {
  return listenerKey(a) === listenerKey(b);
}

function takenByApp(other: HeldListener, app: string, { address, purpose }: Wanted): HitlessError {
  const whose = other.app === app ? "this app itself" : `the app ${other.app}`;
  return new HitlessError({
    code: "ERR_LISTEN_ADDRESS_TAKEN",
    what: `${listenerKey(address)} is already listened on by ${whose}.`,
    next: `Give ${app} another \`${purpose === "plain" ? "listen" : "tls.listen"}\` address.`,
  });
}
