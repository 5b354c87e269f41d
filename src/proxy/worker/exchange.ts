import type { LedgerColumn } from "../../core/ledger.ts";
import type { AccessTrace } from "../access-log/access-trace.ts";
import { BodyWatch, TOO_LONG } from "./body-watch.ts";
import { EventStream, isEventStream } from "./event-stream.ts";
import { errorAnswer } from "./error-response.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { LiveTarget } from "./live-target.ts";
import type { Limits } from "./limits.ts";
import type { MirroredAnswer } from "./mirror.ts";
import type { OwnAnswer } from "./own-answer.ts";
import { refusal, type Refusal } from "./refusal.ts";
import { overdue } from "./relay-timeouts.ts";
import { isRepeatable, isRepeatableOnFresh } from "./repeatable.ts";
import type { BodySink } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import { RequestSender, type SendingExchange } from "./request-sender.ts";
import type { ResponseHead } from "./response-head.ts";
import { traceOf, type Route, type RoutedApp } from "./route.ts";
import { Tunnel } from "./tunnel.ts";
import type { Upstream } from "./upstream.ts";
import { WaitingRequest } from "./waiting-request.ts";

type Phase = "held" | "dialling" | "relaying" | "tunnel" | "flushing" | "done";

/**
 * One request and its answer: chooses a target, sends, tries again where that is safe (the rules R0–R7 of docs/architecture.md), relays both
 * bodies, and ends in exactly one column of the ledger. Knows neither the client's protocol nor the application's.
 */
export class Exchange implements SendingExchange, BodySink {
  slot = -1;
  /** What has become of it after a 101. */
  tunnel: Tunnel | null = null;
  events: EventStream | null = null;
  readonly #client: ExchangeClient;
  readonly #app: RoutedApp;
  readonly #route: Route;
  readonly #head: RequestHead;
  readonly #limits: Limits;
  #phase: Phase = "dialling";
  readonly #sender: RequestSender;
  /** Null without an access log. */
  readonly #trace: AccessTrace | null;
  /** Since it had to wait for a target. */
  #wait: WaitingRequest | null = null;
  /** Null without a body. */
  readonly #body: BodyWatch | null;
  /** While its answer is to be compared with another release's. */
  #mirrored: MirroredAnswer | null = null;
  #status = 0;
  #closesClient = false;

  constructor(client: ExchangeClient, route: Route, head: RequestHead, limits: Limits) {
    this.#client = client;
    this.#app = route.app;
    this.#route = route;
    this.#head = route.app.forwarding.prepared(head);
    this.#limits = limits;
    this.#body = head.body === 0 ? null : new BodyWatch(head, route.app.table.proxy.maxBodyBytes ?? Infinity, limits);
    this.#trace = traceOf(route.app, client, this.#head);
    this.#sender = new RequestSender(this, { client, route, head: this.#head, trace: this.#trace });
  }

  start(): void {
    const tooLong = this.#body?.isTooLong === true;
    const target = tooLong || this.#app.lineMoves ? null : this.#route.pick(null);
    if (tooLong) this.#refuse(TOO_LONG);
    else if (target === null) this.#hold();
    else this.#attempt(target);
  }

  /** The client's bytes belong to this request's body (or to its tunnel) and can be passed on now. */
  get wantsData(): boolean {
    const { sent, isComplete } = this.#sender;
    return sent && (this.#phase === "tunnel" || (this.#phase === "relaying" && !isComplete));
  }

  /** It is about to be sent. */
  get isDialling(): boolean {
    return this.#phase === "dialling";
  }

  // --- holding ---

  /** More of it has been read while it cannot be sent on. */
  onWaitingInput(): void {
    if (this.#phase === "held") this.#wait?.onInput();
  }

  #hold(): void {
    this.#phase = "held";
    this.#wait ??= new WaitingRequest({
      route: this.#route,
      head: this.#head,
      client: this.#client,
      onTarget: (target) => {
        this.#sender.forgetTried();
        this.#attempt(target);
      },
      onGone: () => {
        this.#endAsGone();
      },
      onGivenUp: () => {
        if (this.#phase === "held") this.#failByUs(503, "no instance can take the request at the moment");
      },
      onTurnedAway: (own) => {
        this.#endWith(own.column ?? "served", own);
      },
    });
    this.#wait.join();
  }

  // --- attempts ---

  #attempt(target: LiveTarget): void {
    this.#phase = "dialling";
    this.#sender.attempt(target);
  }

  whenSending(): void {
    this.#phase = "relaying";
  }

  onUpstreamConnect(): void {
    this.#sender.whenConnected();
  }

  /** R0: nothing was sent, so any request may go elsewhere; who has tried everything waits. */
  #tryElsewhere(): void {
    const next = this.#sender.elsewhereAfterDial();
    if (this.#sender.dialledMs < this.#limits.connectTotalMs) this.#tryOn(next);
    else this.#failByUs(504, "no instance could be connected to in time");
  }

  #tryOn(target: LiveTarget | null): void {
    this.#sender.again = true;
    if (target === null) this.#hold();
    else this.#attempt(target);
  }

  // --- the request's body ---

  onRequestBody(data: Buffer, more: boolean): void {
    this.#sender.movedAt = Date.now();
    this.#body?.add(data.length);
    if (this.#body?.isTooLong === true && this.#phase === "relaying") this.#refuse(TOO_LONG);
    this.#sender.body(data, more);
  }

  onRequestEnd(trailers: string | null): void {
    this.#sender.endBody(trailers);
  }

  /** Its framing is broken. */
  onRequestBroken(): void {
    this.#refuse(refusal(400, "the body's framing is invalid"));
  }

  /** Everything that was passed on has been handed to the kernel of the application's socket. */
  isSentOn(): boolean {
    return this.#sender.upstream?.isFlushed() ?? true;
  }

  onUpstreamDrain(): void {
    if (this.#phase === "tunnel" || !this.#sender.isComplete) this.#client.resumeBody();
  }

  // --- the answer ---

  onInterim(head: ResponseHead): void {
    this.#client.interim(head);
  }

  onWhole(head: ResponseHead, body: string): void {
    this.#whenBegun(head);
    this.#trace?.answered(body.length);
    this.#mirrored?.body(body);
    this.#client.whole(this.#added(head), body, this.#closesClient);
    this.#complete();
  }

  onHead(head: ResponseHead, more: boolean): void {
    this.#sender.movedAt = Date.now();
    if (isEventStream(head)) this.#beginEvents(head);
    this.#whenBegun(head);
    this.#client.begin(this.#added(head), this.#closesClient, more);
  }

  #whenBegun(head: ResponseHead): void {
    this.#status = head.status;
    this.#closesClient = !this.#head.keepAlive || !this.#sender.isComplete;
    const { target } = this.#sender;
    if (target !== null) this.#route.book.answered(this.#head, head, target, this.#client.requestBeganAt);
    this.#mirrored = this.#app.mirror?.begin(this.#head, head, this.#sender.column(this.#wait), this.#sender.release) ?? null;
  }

  /** It has no end of its own, and may get one (RFC 9112 section 7.1) between any two events. */
  #beginEvents(head: ResponseHead): void {
    this.events = new EventStream(head, () => {
      this.#endEvents();
    });
    this.#sender.target?.streaming(this);
  }

  #endEvents(): void {
    if (this.#phase === "relaying") this.onEnd(null);
  }

  /** The head with what the proxy adds to the answer. */
  #added(head: ResponseHead): ResponseHead {
    const { release, target } = this.#sender;
    return this.#app.forwarding.answered(head, this.#route.answerFields(head, release), target?.http2 === true);
  }

  onBody(data: Buffer, more: boolean): void {
    this.#sender.movedAt = Date.now();
    const passed = this.events === null ? data : this.events.take(data);
    if (passed.length === 0) return;
    this.#trace?.answered(passed.length);
    this.#mirrored?.body(passed);
    this.#client.body(passed, more);
    if (this.#client.isClogged()) this.#sender.upstream?.pause();
  }

  onEnd(trailers: string | null): void {
    this.#client.end(trailers);
    this.#complete();
  }

  onClientDrain(): void {
    this.#sender.movedAt = Date.now();
    this.#sender.upstream?.resume();
  }

  isPassedOn(): boolean {
    return this.#client.isFlushed();
  }

  #complete(): void {
    this.#sender.finish();
    this.#phase = "flushing";
    if (this.#client.isFlushed()) this.#whenFlushed();
    else {
      this.#client.whenFlushed(() => {
        this.#whenFlushed();
      });
    }
  }

  #whenFlushed(): void {
    if (this.#phase !== "flushing") return;
    this.#route.book.time(performance.now() - this.#client.requestBeganAt, this.#head, this.#sender.release, this.#status);
    this.#end(this.#status >= 500 ? "appError" : this.#sender.column(this.#wait), this.#status);
    this.#mirrored?.end(this.#client, this.#sender.fields ?? "");
    this.#client.whenAnswered(this.#closesClient || !this.#sender.isComplete);
  }

  /** The application's answer cannot be passed on any further. R3: whatever has begun is not repeated. */
  onBroken(): void {
    this.#failByUs(502, "the application's answer is not valid HTTP or is incomplete");
  }

  onUpstreamClose(): void {
    const { upstream } = this.#sender;
    this.#sender.upstream = null;
    if (this.#phase === "tunnel") this.#closeTunnel();
    else if (this.#phase === "dialling" && upstream?.reused === true) this.#sender.dial();
    else if (this.#phase === "dialling") this.#tryElsewhere();
    else if (this.#phase === "relaying") this.#whenAnswerless(upstream);
  }

  #whenAnswerless(upstream: Upstream | null): void {
    if (upstream?.reused === true) this.#sender.target?.pool.noteStale();
    const repeatable = upstream?.reused === true ? isRepeatable(this.#head) : isRepeatableOnFresh(this.#head);
    if (upstream?.began === true) this.onBroken();
    else if (upstream !== null && upstream.refused !== null) this.#tryOn(this.#sender.elsewhereAfterRefusal(upstream.refused));
    else if (repeatable && !this.#sender.repeated && !this.#client.gone && this.#app.mayRetry())
      this.#tryOn(this.#sender.elsewhereToRepeat());
    else this.#failByUs(502, "the application closed the connection without an answer");
  }

  // --- tunnels: the answer to an upgrade was the 101, so the request is served however the tunnel ends ---

  onSwitched(head: ResponseHead, rest: Buffer | null): void {
    const upstream = this.#sender.upstream;
    if (upstream === null) return;
    this.#phase = "tunnel";
    this.#route.book.end(this.#sender.release, this.#sender.column(this.#wait), 101);
    const onEnd = (): void => {
      this.#closeTunnel();
    };
    this.tunnel = new Tunnel({ client: this.#client, upstream, onEnd }, head.upgrade ?? "");
    this.#client.switchTo(this.#added(head));
    this.#sender.target?.switched(this);
    if (this.#client.halfClosed) upstream.endRaw();
    this.#client.resumeBody();
    if (rest !== null) this.onRaw(rest);
  }

  onRaw(data: Buffer): void {
    this.tunnel?.onRaw(data);
  }

  onRawEnd(): void {
    this.tunnel?.onRawEnd();
  }

  #closeTunnel(): void {
    if (this.#phase === "done") return;
    this.#phase = "done";
    this.tunnel?.forget();
    this.#trace?.end(this.#sender.release, this.#sender.column(this.#wait), 101);
    this.#sender.drop();
    this.#client.closeTunnel();
  }

  // --- the client ---

  /** The client has closed its side: nothing comes after what it has sent, some of which may still wait to be passed on. */
  onClientEnd(): void {
    if (this.tunnel !== null) this.tunnel.onClientEnd();
    else if (this.#phase === "held" || (!this.#sender.isComplete && !this.#client.hasInput)) this.#endAsGone();
  }

  /** The client's connection is gone. */
  onClientClose(): void {
    if (this.#phase === "tunnel") this.#closeTunnel();
    else if (this.#phase !== "done") this.#endAsGone();
  }

  #endAsGone(): void {
    this.#sender.drop();
    this.#end("clientGone", this.#status);
    this.#client.abort();
  }

  // --- ending ---

  /** Ends it at the drain limit. A tunnel has been served. */
  cut(): void {
    if (this.#phase === "tunnel") this.#closeTunnel();
    else if (this.events !== null) this.#endEvents();
    else this.#endWith("cut", errorAnswer(503, "the instance was stopped before it had answered", this.#app.pages));
  }

  /** Coarse timeouts; R4: none of them is a reason to try again once something was sent. */
  sweep(now: number): void {
    const idle = now - this.#sender.movedAt;
    if (this.tunnel !== null) {
      this.tunnel.sweep(now, this.#limits.tunnelIdleMs);
    } else if (this.#phase === "dialling") {
      this.#sender.sweepDial(idle, this.#limits);
    } else if (this.#phase === "relaying" || this.#phase === "flushing") {
      this.events?.sweep(now);
      this.#sweepRelay(now);
    }
  }

  #sweepRelay(now: number): void {
    const limits = { ...this.#limits, firstByteTimeoutMs: this.#app.table.proxy.firstByteTimeoutMs };
    const relay = { now, movedAt: this.#sender.movedAt, client: this.#client, upstream: this.#sender.upstream, body: this.#body };
    const end = overdue({ ...relay, requestComplete: this.#sender.isComplete, hasEvents: this.events !== null }, limits);
    if (end === "client") this.#endAsGone();
    else if (end !== null && this.events !== null) this.#endEvents();
    else if (end?.status === 408) this.#refuse(end);
    else if (end !== null) this.#failByUs(end.status, end.reason);
  }

  /** The request is wrong or too slow: what was sent of it must not look whole to the application. */
  #refuse({ status, reason }: Refusal): void {
    this.#endWith("refused", errorAnswer(status, reason), true);
  }

  #failByUs(status: number, reason: string): void {
    this.#sender.target?.whenFailed();
    this.#sender.drop();
    this.#end("failed", this.#client.forwarded ? this.#status : status);
    this.#answerOrAbort(errorAnswer(status, reason, this.#app.pages));
  }

  #endWith(column: LedgerColumn, answer: OwnAnswer, close?: boolean): void {
    this.#sender.drop();
    this.#end(column, answer.status);
    this.#answerOrAbort(answer, close);
  }

  #answerOrAbort(answer: OwnAnswer, close = !this.#sender.isComplete || !this.#head.keepAlive): void {
    if (this.#client.forwarded) this.#client.abort();
    else this.#client.answer(answer, { close, bodyless: this.#head.method === "HEAD" });
  }

  /** `status`: what the client gets, 0 for nothing. */
  #end(column: LedgerColumn, status: number): void {
    if (this.#phase === "done") return;
    this.#phase = "done";
    this.#app.release(this.#wait);
    this.#route.book.end(this.#sender.release, column, status);
    this.#trace?.end(this.#sender.release, column, status);
  }
}
