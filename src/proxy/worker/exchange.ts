import type { InstanceName, ReleaseName } from "../../base/names.ts";
import { NO_RELEASE, type LedgerColumn } from "../../core/ledger.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import { forwardedFields } from "./forwarded-fields.ts";
import type { Held, InFlight } from "./in-flight.ts";
import type { LiveApp } from "./live-app.ts";
import type { LiveTarget } from "./live-target.ts";
import type { Limits } from "./limits.ts";
import type { RequestHead } from "./request-head.ts";
import { requestFraming, RequestRelay } from "./request-relay.ts";
import { ResponseRelay, type ResponseProgress } from "./response-relay.ts";
import { afterTurn } from "./turn.ts";
import type { UpstreamConnection, UpstreamUser } from "./upstream-connection.ts";

/** What may be sent once more on a fresh connection when a reused one dies without an answer (R1; RFC 9110 section 9.2.2). */
const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
const REPEATABLE_ON_FRESH = new Set(["GET", "HEAD", "OPTIONS"]);

type Phase = "held" | "dialling" | "relaying" | "tunnel" | "flushing" | "done";

/**
 * One request and its answer: chooses a target, sends, tries again where that is safe (the rules R0–R7 of docs/architecture.md), relays both
 * bodies, and ends in exactly one column of the ledger.
 */
export class Exchange implements UpstreamUser, InFlight, Held {
  slot = -1;
  readonly #client: ExchangeClient;
  readonly #app: LiveApp;
  readonly #head: RequestHead;
  readonly #limits: Limits;
  readonly #request: RequestRelay;
  readonly #response: ResponseRelay;
  #phase: Phase = "dialling";
  #release: ReleaseName = NO_RELEASE;
  #target: LiveTarget | null = null;
  #connection: UpstreamConnection | null = null;
  #tried: Set<InstanceName> | null = null;
  #freshOnly = false;
  /** Something of this attempt was handed to the kernel. */
  #sent = false;
  #repeated = false;
  #retried = false;
  #heldSince = 0;
  /** When the present attempt last moved: dialled, sent, or received (milliseconds since the epoch). */
  #movedAt = 0;

  constructor(client: ExchangeClient, app: LiveApp, head: RequestHead, limits: Limits) {
    this.#client = client;
    this.#app = app;
    this.#head = head;
    this.#limits = limits;
    this.#request = new RequestRelay(head.body, limits);
    this.#response = new ResponseRelay(
      head,
      client.socket,
      limits,
      () => client.mustClose() || !head.keepAlive || !this.#request.complete,
    );
  }

  start(): void {
    const target = this.#app.pick(null);
    if (target === null) this.#hold();
    else this.#attempt(target);
  }

  /** The client's bytes belong to this request's body (or to its tunnel) and can be passed on now. */
  get wantsData(): boolean {
    return this.#sent && (this.#phase === "tunnel" || (this.#phase === "relaying" && !this.#request.complete));
  }

  /** Everything of the request has come. */
  get requestComplete(): boolean {
    return this.#request.complete;
  }

  // --- holding ---

  /** A target may be there now. */
  resume(): void {
    if (this.#phase !== "held") return;
    this.#tried = null;
    const target = this.#app.pick(null);
    if (target === null) this.#hold();
    else this.#attempt(target);
  }

  checkHold(now: number): void {
    if (now - this.#heldSince >= this.#app.table.proxy.holdMs) this.giveUpHold();
  }

  giveUpHold(): void {
    this.#app.held.delete(this);
    if (this.#phase === "held") this.#failByUs(503, "no instance can take the request at the moment");
  }

  #hold(): void {
    const now = Date.now();
    if (this.#heldSince === 0) this.#heldSince = now;
    this.#phase = "held";
    if (this.#client.halfClosed) this.#endAsGone();
    else if (now - this.#heldSince >= this.#app.table.proxy.holdMs || !this.#app.hold(this)) this.giveUpHold();
  }

  // --- attempts ---

  #attempt(target: LiveTarget): void {
    this.#target = target;
    this.#release = target.release;
    this.#phase = "dialling";
    this.#sent = false;
    target.begin(this);
    const direct = this.#mayRepeat();
    const idle = this.#freshOnly ? null : target.pool.take(!direct);
    if (idle === null) this.#dial(target);
    else if (direct) this.#send(this.#use(idle));
    else this.#sendAfterLook(this.#use(idle));
  }

  #dial(target: LiveTarget): void {
    this.#movedAt = Date.now();
    this.#use(target.pool.dial());
  }

  #use(connection: UpstreamConnection): UpstreamConnection {
    this.#connection = connection;
    connection.user = this;
    return connection;
  }

  /** What must not be repeated is only sent once the event loop has had a chance to see that the connection was closed (§3.3 a). */
  #sendAfterLook(connection: UpstreamConnection): void {
    afterTurn(() => {
      if (this.#connection !== connection || this.#phase !== "dialling") return;
      if (connection.isUsable()) this.#send(connection);
      else this.#discardStale(connection);
    });
  }

  #discardStale(connection: UpstreamConnection): void {
    this.#detach(connection);
    if (this.#target !== null) this.#dial(this.#target);
  }

  #send(connection: UpstreamConnection): void {
    this.#phase = "relaying";
    this.#sent = true;
    this.#movedAt = Date.now();
    connection.socket.write(
      `${this.#head.forward}${requestFraming(this.#head)}${forwardedFields(this.#head, this.#client)}\r\n`,
      "latin1",
    );
    if (!this.#request.complete) this.#client.resumeBody();
  }

  onUpstreamConnect(): void {
    this.#target?.restore();
    if (this.#connection !== null && this.#phase === "dialling") this.#send(this.#connection);
  }

  /** R0: nothing was sent, so any request may go elsewhere; who has tried everything waits. */
  #tryElsewhere(): void {
    const target = this.#target;
    this.#leaveTarget();
    if (target !== null) {
      target.eject();
      this.#tried ??= new Set();
      this.#tried.add(target.instance);
    }
    this.#retried = true;
    const next = this.#app.pick(this.#tried);
    if (next === null) this.#hold();
    else this.#attempt(next);
  }

  /** R1: one repetition, on a fresh connection, within the budget. */
  #repeat(): void {
    const target = this.#target;
    this.#leaveTarget();
    this.#repeated = true;
    this.#retried = true;
    this.#freshOnly = true;
    const next = this.#app.pick(target === null ? null : new Set([target.instance])) ?? this.#app.pick(null);
    if (next === null) this.#hold();
    else this.#attempt(next);
  }

  #mayRepeat(): boolean {
    return this.#head.body === 0 && this.#head.upgrade === null && REPEATABLE.has(this.#head.method);
  }

  // --- the request's body ---

  /** Gives how many bytes of the input were used; null when the connection has been given up. */
  onClientData(data: Buffer): number | null {
    const { socket } = this.#connection ?? { socket: null };
    if (socket === null) return 0;
    this.#movedAt = Date.now();
    if (this.#phase === "tunnel") {
      if (!socket.write(data)) this.#client.pause();
      return data.length;
    }
    const used = this.#request.relay(data, socket);
    if (used === null) {
      this.#refuseBody();
      return null;
    }
    if (socket.writableNeedDrain && !this.#request.complete) this.#client.pause();
    return used;
  }

  onUpstreamDrain(): void {
    if (this.#phase === "tunnel" || !this.#request.complete) this.#client.resumeBody();
  }

  #refuseBody(): void {
    this.#dropUpstream();
    this.#end("refused");
    if (this.#response.forwarded) this.#client.abort();
    else this.#client.answer(400, "the body's framing is invalid", { close: true });
  }

  // --- the answer ---

  onUpstreamData(data: Buffer): void {
    this.#movedAt = Date.now();
    const { socket } = this.#client;
    if (this.#phase === "tunnel") {
      if (!socket.write(data)) this.#connection?.socket.pause();
      return;
    }
    this.#follow(this.#response.take(data));
    if (socket.writableNeedDrain && this.#phase === "relaying") this.#connection?.socket.pause();
  }

  onClientDrain(): void {
    this.#movedAt = Date.now();
    this.#connection?.socket.resume();
  }

  #follow(progress: ResponseProgress): void {
    if (progress === "complete") this.#complete();
    else if (progress === "switched") this.#openTunnel();
    else if (progress === "broken") this.#whenBroken();
  }

  #complete(): void {
    const { closesClient, idleHintMs, reusable } = this.#response;
    const connection = this.#connection;
    const target = this.#target;
    this.#connection = null;
    if (connection !== null) {
      connection.user = null;
      if (reusable && this.#request.complete && target !== null && connection.isUsable())
        target.pool.give(connection, idleHintMs);
      else connection.destroy();
    }
    this.#leaveTarget();
    this.#phase = "flushing";
    if (this.#client.flushed()) this.#whenFlushed(closesClient);
    else {
      this.#client.whenFlushed(() => {
        this.#whenFlushed(closesClient);
      });
    }
  }

  #whenFlushed(close: boolean): void {
    if (this.#phase !== "flushing") return;
    const status = this.#response.status ?? 0;
    this.#time(status);
    this.#end(status >= 500 ? "appError" : this.#servedColumn());
    this.#client.whenAnswered(close || !this.#request.complete);
  }

  #time(status: number): void {
    const ms = performance.now() - this.#client.requestBeganAt;
    this.#app.ledger.time(this.#release, ms * 1000);
    if (!this.#app.ledger.isSlow(ms)) return;
    const { method, target } = this.#head;
    const path = target.split("?", 1)[0]?.slice(0, 200) ?? "";
    this.#app.ledger.noteSlow({ at: Date.now(), ms, method, path, release: this.#release, status });
  }

  #servedColumn(): LedgerColumn {
    if (this.#heldSince > 0) return "servedAfterHold";
    return this.#retried ? "servedAfterRetry" : "served";
  }

  /** The application's answer cannot be passed on any further. R3: whatever has begun is not repeated. */
  #whenBroken(): void {
    this.#failByUs(502, "the application's answer is not valid HTTP or is incomplete");
  }

  onUpstreamEnd(): void {
    if (this.#phase === "tunnel") {
      this.#client.socket.end();
      if (this.#client.halfClosed) this.#closeTunnel();
      return;
    }
    if (this.#phase === "relaying" && this.#response.began) this.#follow(this.#response.end());
    else this.#connection?.destroy();
  }

  onUpstreamClose(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (this.#phase === "tunnel") this.#closeTunnel();
    else if (this.#phase === "dialling" && connection?.reused === true) this.#redial();
    else if (this.#phase === "dialling") this.#tryElsewhere();
    else if (this.#phase === "relaying") this.#whenAnswerless(connection);
  }

  #redial(): void {
    if (this.#target !== null) this.#dial(this.#target);
  }

  #whenAnswerless(connection: UpstreamConnection | null): void {
    const reused = connection?.reused === true;
    if (reused) this.#target?.pool.noteStale();
    const repeatable = this.#mayRepeat() && (reused || REPEATABLE_ON_FRESH.has(this.#head.method));
    if (this.#response.began) this.#whenBroken();
    else if (repeatable && !this.#repeated && !this.#client.gone && this.#app.mayRetry()) this.#repeat();
    else this.#failByUs(502, "the application closed the connection without an answer");
  }

  // --- tunnels ---

  #openTunnel(): void {
    this.#phase = "tunnel";
    if (this.#client.halfClosed) this.#connection?.socket.end();
    this.#client.resumeBody();
    const { rest } = this.#response;
    if (rest !== null) this.#client.socket.write(rest);
  }

  /** The answer to an upgrade was the 101: the request is served, however the tunnel ends. */
  #closeTunnel(): void {
    this.#dropUpstream();
    this.#end(this.#servedColumn());
    this.#client.endTunnel();
  }

  // --- the client ---

  /** The client has closed its side. */
  onClientEnd(): void {
    if (this.#phase === "tunnel") this.#connection?.socket.end();
    else if (this.#phase === "held" || !this.#request.complete) this.#endAsGone();
  }

  /** The client's connection is gone. */
  onClientClose(): void {
    if (this.#phase === "tunnel") this.#closeTunnel();
    else if (this.#phase !== "done") this.#endAsGone();
  }

  #endAsGone(): void {
    this.#dropUpstream();
    this.#end("clientGone");
    this.#client.abort();
  }

  // --- ending ---

  /** Ends it at the drain limit; true if that was a request (a tunnel has been served). */
  cut(): boolean {
    if (this.#phase === "tunnel") {
      this.#closeTunnel();
      return false;
    }
    this.#dropUpstream();
    this.#end("cut");
    this.#answerOrAbort(503, "the instance was stopped before it had answered");
    return true;
  }

  /** Coarse timeouts; R4: none of them is a reason to try again once something was sent. */
  sweep(now: number): void {
    const idle = now - this.#movedAt;
    if (this.#phase === "tunnel") {
      if (idle > this.#limits.tunnelIdleMs) this.#closeTunnel();
    } else if (this.#phase === "dialling") {
      if (idle > this.#limits.connectTimeoutMs) this.#connection?.destroy();
    } else if (this.#phase === "relaying" || this.#phase === "flushing") {
      this.#sweepRelay(idle);
    }
  }

  #sweepRelay(idle: number): void {
    const firstByteMs = this.#app.table.proxy.firstByteTimeoutMs;
    if (!this.#client.flushed()) {
      if (idle > this.#limits.writeStallMs) this.#endAsGone();
    } else if (this.#response.began) {
      if (idle > this.#limits.betweenBytesMs) this.#failByUs(504, "the application stopped in the middle of its answer");
    } else if (this.#request.complete) {
      if (firstByteMs > 0 && idle > firstByteMs) this.#failByUs(504, "the application did not answer in time");
    } else if (idle > this.#limits.bodyIdleMs) {
      this.#dropUpstream();
      this.#end("refused");
      this.#client.answer(408, "the request's body did not arrive in time", { close: true });
    }
  }

  #failByUs(status: number, reason: string): void {
    this.#dropUpstream();
    this.#end("failed");
    this.#answerOrAbort(status, reason);
  }

  #answerOrAbort(status: number, reason: string): void {
    if (this.#response.forwarded) this.#client.abort();
    else
      this.#client.answer(status, reason, {
        close: !this.#request.complete || !this.#head.keepAlive,
        bodyless: this.#head.method === "HEAD",
      });
  }

  #dropUpstream(): void {
    if (this.#connection !== null) this.#detach(this.#connection);
    this.#leaveTarget();
  }

  #detach(connection: UpstreamConnection): void {
    connection.user = null;
    this.#connection = null;
    connection.destroy();
  }

  #leaveTarget(): void {
    const target = this.#target;
    this.#target = null;
    target?.end(this);
  }

  #end(column: LedgerColumn): void {
    if (this.#phase === "done") return;
    this.#phase = "done";
    this.#app.held.delete(this);
    this.#app.ledger.count(this.#release, column);
    this.#app.whenEnded();
  }
}
