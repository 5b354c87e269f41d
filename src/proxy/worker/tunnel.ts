import { CLOSING_MS, type CloseCode } from "../../core/websockets.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { OpenTunnel } from "./in-flight.ts";
import type { Upstream } from "./upstream.ts";
import { closeFrame, maskedCloseFrame, WebSocketFrames } from "./websocket-frames.ts";

/** What an application is told when its client is sent away. Some do not know 1012, and this is what browsers say. */
const GOING_AWAY = 1001;

/** The two sides of a tunnel, and who is told when it has ended. */
export interface TunnelEnds {
  readonly client: ExchangeClient;
  readonly upstream: Upstream;
  readonly onEnd: () => void;
}

/**
 * What is left of a request after a 101: bytes both ways. A WebSocket's frames are followed, so that it can be closed in order: the client gets
 * a close frame; what it still sends goes to the application, until its own close frame, in whose place the application gets ours.
 */
export class Tunnel implements OpenTunnel {
  readonly #client: ExchangeClient;
  readonly #upstream: Upstream;
  readonly #onEnd: () => void;
  readonly #toClient: WebSocketFrames | null;
  readonly #toApplication: WebSocketFrames | null;
  #movedAt = Date.now();
  /** When to begin with closing (milliseconds since the epoch); 0: not at all. */
  #closeAt = 0;
  #code: CloseCode = 1012;
  /** Since when it is being closed. */
  #closingAt = 0;
  /** Since when the client has its close frame. */
  #saidAt = 0;
  #leaving: NodeJS.Timeout | null = null;

  constructor({ client, upstream, onEnd }: TunnelEnds, protocol: string) {
    this.#client = client;
    this.#upstream = upstream;
    this.#onEnd = onEnd;
    const isWebSocket = protocol.toLowerCase() === "websocket";
    this.#toClient = isWebSocket ? new WebSocketFrames() : null;
    this.#toApplication = isWebSocket ? new WebSocketFrames() : null;
  }

  /** The sooner time counts; 0 takes it back, if it has not begun. Has no effect on what is no WebSocket. */
  closeAt(at: number, code: CloseCode): void {
    this.#closeAt = at === 0 || this.#closeAt === 0 ? at : Math.min(at, this.#closeAt);
    this.#code = code;
    if (at > 0 && at <= Date.now()) this.#beginClosing();
  }

  onRaw(data: Buffer): void {
    this.#movedAt = Date.now();
    if (this.#leaving !== null) return;
    this.#toClientNow(this.#toClient?.take(data) ?? data);
    if (this.#client.isClogged()) this.#upstream.pause();
  }

  /** The application has closed its side. */
  onRawEnd(): void {
    if (this.#leaving !== null) {
      this.#onEnd();
      return;
    }
    this.#client.endRaw();
    if (this.#client.halfClosed) this.#onEnd();
  }

  onClientRaw(data: Buffer): void {
    this.#movedAt = Date.now();
    const passed = this.#toApplication?.take(data) ?? data;
    if (passed.length > 0) this.#upstream.sendRaw(passed);
    if (this.#closingAt > 0 && this.#toApplication?.closed === true && this.#toClient?.closed === true) this.#leave();
    else if (this.#upstream.isClogged()) this.#client.pause();
  }

  onClientEnd(): void {
    this.#upstream.endRaw();
  }

  sweep(now: number, idleMs: number): void {
    if (this.#closeAt > 0 && now >= this.#closeAt) this.#beginClosing();
    if (now - this.#movedAt > idleMs) this.#onEnd();
    else if (this.#closingAt > 0) this.#sweepClosing(now);
  }

  /** Neither a message that does not end nor a client that does not answer may hold it up. */
  #sweepClosing(now: number): void {
    if (this.#saidAt === 0 && now - this.#closingAt > CLOSING_MS) this.#closeClient({ cutsMessages: true });
    else if (this.#saidAt > 0 && now - this.#saidAt > CLOSING_MS) this.#leave();
  }

  /** It has ended: nothing more will come of it. */
  forget(): void {
    if (this.#leaving !== null) clearTimeout(this.#leaving);
  }

  #beginClosing(): void {
    this.#closeAt = 0;
    if (this.#closingAt > 0 || this.#toClient === null) return;
    this.#closingAt = Date.now();
    this.#toApplication?.closeInstead(maskedCloseFrame(GOING_AWAY));
    this.#closeClient({ cutsMessages: false });
  }

  #closeClient(options: { readonly cutsMessages: boolean }): void {
    if (this.#toClient !== null) this.#toClientNow(this.#toClient.close(closeFrame(this.#code), options));
  }

  #toClientNow(data: Buffer): void {
    if (data.length > 0) this.#client.raw(data);
    if (this.#closingAt > 0 && this.#saidAt === 0 && this.#toClient?.closed === true) this.#saidAt = Date.now();
  }

  /** The client has closed, or had its time: its side ends, and the application may still read what it was sent. */
  #leave(): void {
    if (this.#leaving !== null) return;
    this.#saidAt = 0;
    const frame = this.#toApplication?.close(maskedCloseFrame(GOING_AWAY), { cutsMessages: true });
    if (frame !== undefined && frame.length > 0) this.#upstream.sendRaw(frame);
    this.#leaving = setTimeout(() => {
      this.#onEnd();
    }, CLOSING_MS);
    this.#upstream.endRaw();
    this.#upstream.resume();
    this.#client.closeTunnel();
  }
}
