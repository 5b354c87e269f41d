import type { UpgradeOutcome, UpgradeRequest } from "../../api/proxy-control.ts";
import { HitlessError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { HolderMessage } from "../messages.ts";
import type { ControlSocket } from "./control-socket.ts";
import type { Holder } from "./holder.ts";
import { SuccessorProcess } from "./successor-process.ts";

export interface UpgradeOptions {
  readonly holder: Holder;
  readonly version: string;
  readonly logPath: string;
  readonly log: Logger;
  readonly control: () => ControlSocket;
  readonly exit: () => void;
}

/** Replaces the running proxy by a new generation, on the same listening sockets, without losing a request. */
export class Upgrade {
  readonly #options: UpgradeOptions;
  #running = false;

  constructor(options: UpgradeOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the new generation serves. Whatever goes wrong before that leaves this one as it is.
   * @throws ERR_PROXY_UPGRADE with the last log lines of the new one
   */
  async run({ program, readyMs, drainMs }: UpgradeRequest): Promise<UpgradeOutcome> {
    if (this.#running) {
      throw new HitlessError({
        code: "ERR_PROXY_UPGRADE",
        what: "The proxy is already being upgraded.",
        next: "Wait for it; `hitless proxy status` shows what runs.",
      });
    }
    this.#running = true;
    const begun = performance.now();
    const { log, version, logPath } = this.#options;
    log.info("a new generation is started", { version: program.version, program: [program.command, ...program.args] });
    const successor = new SuccessorProcess(program, logPath);
    try {
      await this.#handOver(successor, readyMs);
    } catch (error) {
      this.#running = false;
      await this.#giveUp(successor);
      throw failure(successor, error);
    }
    const ms = Math.round(performance.now() - begun);
    this.#options.control().surrender();
    log.info("the new generation serves; this one finishes what it has", { successor: successor.pid, ms, drainMs });
    void this.#retire(successor, drainMs);
    return { from: { pid: process.pid, version }, to: { pid: successor.pid, version: program.version }, ms };
  }

  async #handOver(successor: SuccessorProcess, readyMs: number): Promise<void> {
    const { holder } = this.#options;
    await successor.until("hello", readyMs);
    // No table may change between what is handed over and the moment from which the new generation takes them.
    await holder.exclusively(async () => {
      const { listeners, state } = holder.handOver((message) => {
        void successor.send(message);
      });
      const sent = new Set<unknown>();
      for (const { socket, ...listener } of listeners) {
        void successor.send({ kind: "socket", listener, bound: socket.address }, sent.has(socket) ? undefined : socket.handle);
        sent.add(socket);
      }
      void successor.send({ kind: "state", state });
      successor.onTell((message) => {
        this.#relay(successor, message);
      });
      await successor.until("prepared", readyMs);
      void successor.send({ kind: "commit" });
      await successor.until("committed", readyMs);
      holder.succeeded();
    });
  }

  async #giveUp(successor: SuccessorProcess): Promise<void> {
    successor.kill();
    this.#options.holder.keep();
    await this.#options.control().restore(successor.pid);
    this.#options.log.error("the upgrade failed; this generation goes on", { successor: successor.pid });
  }

  async #retire(successor: SuccessorProcess, drainMs: number): Promise<void> {
    await this.#options.holder.retire(drainMs);
    await this.#options.control().idle();
    await successor.send({ kind: "bye" });
    this.#options.exit();
  }

  /** The new holder's word to the old workers. */
  #relay(successor: SuccessorProcess, message: HolderMessage): void {
    const { holder } = this.#options;
    if (!("id" in message)) {
      holder.tellWorkers(message);
      return;
    }
    const { id, ...question } = message;
    void holder.askWorkers(question).then((answers) => {
      const refused = answers.find((answer) => answer.kind === "refused");
      void successor.send(refused === undefined ? { kind: "done", id } : { kind: "refused", id, reason: refused.reason });
    });
  }
}

function failure(successor: SuccessorProcess, error: unknown): HitlessError {
  return new HitlessError({
    code: "ERR_PROXY_UPGRADE",
    what: "The new proxy did not take over; the old one goes on unchanged.",
    why: error instanceof Error ? error.message : String(error),
    next: "Its last lines are below; all of them are in proxy/proxy.log in the state directory.",
    details: successor.logTail(),
  });
}
