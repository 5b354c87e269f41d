import type { ReleaseName } from "../../base/names.ts";
import { NO_RELEASE, type LedgerColumn } from "../../core/ledger.ts";
import type { AccessTrace } from "../access-log/access-trace.ts";
import { BodyWatch, TOO_LONG } from "./body-watch.ts";
import { EventStream, isEventStream } from "./event-stream.ts";
import { errorAnswer } from "./error-response.ts";
import { Attempts } from "./attempts.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { InFlight } from "./in-flight.ts";
import type { LiveTarget } from "./live-target.ts";
import type { Limits } from "./limits.ts";
import type { MirroredAnswer } from "./mirror.ts";
import type { OwnAnswer } from "./own-answer.ts";
import { refusal, type Refusal } from "./refusal.ts";
import { overdue } from "./relay-timeouts.ts";
import { isRepeatable, isRepeatableOnFresh } from "./repeatable.ts";
import type { BodySink } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import { traceOf, type Route, type RoutedApp } from "./route.ts";
import type { SentBody } from "./sent-body.ts";
import { Tunnel } from "./tunnel.ts";
import { afterTurn } from "./turn.ts";
import type { Upstream, UpstreamUser } from "./upstream.ts";
import { WaitingRequest } from "./waiting-request.ts";

type Phase = "held" | "dialling" | "relaying" | "tunnel" | "flushing" | "done";

/**
 * One request and its answer: chooses a target, sends, tries again where that is safe (the rules R0–R7 of docs/architecture.md), relays both
 * bodies, and ends in exactly one column of the ledger. Knows neither the client's protocol nor the application's.
 */
export class Exchange implements UpstreamUser, BodySink, InFlight {
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
  #release: ReleaseName = NO_RELEASE;
  #target: LiveTarget | null = null;
  #upstream: Upstream | null = null;
  readonly #attempts = new Attempts();
  /** Something of this attempt was handed to the kernel. */
  #sent = false;
  /** Null without an access log. */
  readonly #trace: AccessTrace | null;
  /** Since it had to wait for a target. */
  #wait: WaitingRequest | null = null;
  /** The whole body has come from the client. */
  #requestComplete: boolean;
  /** Null without a body. */
  readonly #body: BodyWatch | null;
  /** While its answer is to be compared with another release's. */
  #mirrored: MirroredAnswer | null = null;
  /** What we add to the request, the same in every attempt. */
  #fields: string | null = null;
  /** What an application that did nothing with it has got of the request's body. */
  #refused: SentBody | null = null;
  #status = 0;
  #closesClient = false;
  /** When the present attempt last moved: dialled, sent, or received (milliseconds since the epoch). */
  #movedAt = 0;

  constructor(client: ExchangeClient, route: Route, head: RequestHead, limits: Limits) {
    this.#client = client;
    this.#app = route.app;
    this.#route = route;
    this.#head = route.app.forwarding.prepared(head);
    this.#limits = limits;
    this.#requestComplete = head.body === 0;
    this.#body = head.body === 0 ? null : new BodyWatch(head, route.app.table.proxy.maxBodyBytes ?? Infinity, limits);
    this.#trace = traceOf(route.app, client, this.#head);
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
    return this.#sent && (this.#phase === "tunnel" || (this.#phase === "relaying" && !this.#requestComplete));
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
        this.#attempts.forget();
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
    this.#target = target;
    this.#release = target.release;
    this.#phase = "dialling";
    this.#sent = false;
    target.begin(this);
    this.#trace?.attempt(target.instance);
    const direct = isRepeatable(this.#head);
    const idle = this.#attempts.repeated ? null : target.pool.take(!direct, this.#client);
    if (idle === null) this.#dial();
    else if (direct) this.#send(this.#use(idle));
    else this.#sendAfterLook(this.#use(idle));
  }

  #dial(): void {
    if (this.#target === null) return;
    this.#movedAt = Date.now();
    this.#use(this.#target.pool.dial(this.#client));
  }

  #use(upstream: Upstream): Upstream {
    this.#upstream = upstream;
    upstream.user = this;
    return upstream;
  }

  /** What must not be repeated is only sent once the event loop has had a chance to see that the connection was closed (§3.3 a). */
  #sendAfterLook(upstream: Upstream): void {
    afterTurn(() => {
      if (this.#upstream !== upstream || this.#phase !== "dialling") return;
      if (upstream.isUsable()) this.#send(upstream);
      else {
        this.#detach(upstream);
        this.#dial();
      }
    });
  }

  #send(upstream: Upstream): void {
    this.#phase = "relaying";
    this.#sent = true;
    this.#movedAt = Date.now();
    this.#fields ??= this.#app.forwarding.of(this.#head, this.#client);
    upstream.sendHead(this.#head, this.#fields, !this.#requestComplete && this.#client.hasInput);
    this.#trace?.sent(this.#app.forwarding.requestIdIn(`\r\n${this.#fields}`));
    if (this.#upstream !== upstream) return;
    this.#refused?.sendTo(upstream);
    if (this.#requestComplete) return;
    this.#client.resumeBody();
    if (this.#upstream === upstream) upstream.flush();
  }

  onUpstreamConnect(): void {
    this.#target?.whenDialled();
    if (this.#upstream !== null && this.#phase === "dialling") this.#send(this.#upstream);
  }

  /** R0: nothing was sent, so any request may go elsewhere; who has tried everything waits. */
  #tryElsewhere(): void {
    this.#target?.whenDialFailed();
    this.#attempts.dialledMs += Date.now() - this.#movedAt;
    const next = this.#attempts.pickElsewhere(this.#route, this.#leaveTarget());
    if (this.#attempts.dialledMs < this.#limits.connectTotalMs) this.#tryOn(next);
    else this.#failByUs(504, "no instance could be connected to in time");
  }

  /** R5: the application did nothing with it: each target once and, the first time, the only one again; then it waits. */
  #whenRefused(body: SentBody): void {
    if (body.begun) this.#refused = body;
    if (!this.#requestComplete) this.#client.pause();
    const { isFirst } = this.#attempts;
    const next = this.#attempts.pickElsewhere(this.#route, this.#leaveTarget());
    this.#tryOn(next ?? (isFirst ? this.#route.pick(null) : null));
  }

  /** R1: one repetition, on a fresh connection, within the budget. */
  #repeat(): void {
    const target = this.#leaveTarget();
    this.#attempts.repeated = true;
    this.#tryOn(this.#route.pick(target === null ? null : new Set([target.instance])) ?? this.#route.pick(null));
  }

  #tryOn(target: LiveTarget | null): void {
    this.#attempts.again = true;
    if (target === null) this.#hold();
    else this.#attempt(target);
  }

  // --- the request's body ---

  onRequestBody(data: Buffer, more: boolean): void {
    this.#movedAt = Date.now();
    this.#body?.add(data.length);
    if (this.#body?.isTooLong === true && this.#phase === "relaying") this.#refuse(TOO_LONG);
    this.#upstream?.sendBody(data, more);
    if (this.#upstream?.isClogged() === true) this.#client.pause();
  }

  onRequestEnd(trailers: string | null): void {
    this.#requestComplete = true;
    this.#upstream?.endBody(trailers);
  }

  /** Its framing is broken. */
  onRequestBroken(): void {
    this.#refuse(refusal(400, "the body's framing is invalid"));
  }

  /** Everything that was passed on has been handed to the kernel of the application's socket. */
  isSentOn(): boolean {
    return this.#upstream?.isFlushed() ?? true;
  }

  onUpstreamDrain(): void {
    if (this.#phase === "tunnel" || !this.#requestComplete) this.#client.resumeBody();
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
    this.#movedAt = Date.now();
    if (isEventStream(head)) this.#beginEvents(head);
    this.#whenBegun(head);
    this.#client.begin(this.#added(head), this.#closesClient, more);
  }

  #whenBegun(head: ResponseHead): void {
    this.#status = head.status;
    this.#closesClient = !this.#head.keepAlive || !this.#requestComplete;
    this.#mirrored = this.#app.mirror?.begin(this.#head, head, this.#attempts.column(this.#wait), this.#release) ?? null;
  }

  /** It has no end of its own, and may get one (RFC 9112 section 7.1) between any two events. */
  #beginEvents(head: ResponseHead): void {
    this.events = new EventStream(head, () => {
      this.#endEvents();
    });
    this.#target?.streaming(this);
  }

  #endEvents(): void {
    if (this.#phase === "relaying") this.onEnd(null);
  }

  /** The head with what the proxy adds to the answer. */
  #added(head: ResponseHead): ResponseHead {
    return this.#app.forwarding.answered(head, this.#route.answerFields, this.#target?.http2 === true);
  }

  onBody(data: Buffer, more: boolean): void {
    this.#movedAt = Date.now();
    const passed = this.events === null ? data : this.events.take(data);
    if (passed.length === 0) return;
    this.#trace?.answered(passed.length);
    this.#mirrored?.body(passed);
    this.#client.body(passed, more);
    if (this.#client.isClogged()) this.#upstream?.pause();
  }

  onEnd(trailers: string | null): void {
    this.#client.end(trailers);
    this.#complete();
  }

  onClientDrain(): void {
    this.#movedAt = Date.now();
    this.#upstream?.resume();
  }

  isPassedOn(): boolean {
    return this.#client.isFlushed();
  }

  #complete(): void {
    const upstream = this.#upstream;
    const target = this.#target;
    this.#upstream = null;
    if (upstream !== null) {
      upstream.user = null;
      if (upstream.reusable && this.#requestComplete && target !== null) target.pool.give(upstream);
      else upstream.destroy();
    }
    target?.whenAnswered();
    this.#leaveTarget();
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
    this.#route.book.time(performance.now() - this.#client.requestBeganAt, this.#head, this.#release, this.#status);
    this.#end(this.#status >= 500 ? "appError" : this.#attempts.column(this.#wait), this.#status);
    this.#mirrored?.end(this.#client, this.#fields ?? "");
    this.#client.whenAnswered(this.#closesClient || !this.#requestComplete);
  }

  /** The application's answer cannot be passed on any further. R3: whatever has begun is not repeated. */
  onBroken(): void {
    this.#failByUs(502, "the application's answer is not valid HTTP or is incomplete");
  }

  onUpstreamClose(): void {
    const upstream = this.#upstream;
    this.#upstream = null;
    if (this.#phase === "tunnel") this.#closeTunnel();
    else if (this.#phase === "dialling" && upstream?.reused === true) this.#dial();
    else if (this.#phase === "dialling") this.#tryElsewhere();
    else if (this.#phase === "relaying") this.#whenAnswerless(upstream);
  }

  #whenAnswerless(upstream: Upstream | null): void {
    if (upstream?.reused === true) this.#target?.pool.noteStale();
    const repeatable = upstream?.reused === true ? isRepeatable(this.#head) : isRepeatableOnFresh(this.#head);
    if (upstream?.began === true) this.onBroken();
    else if (upstream !== null && upstream.refused !== null) this.#whenRefused(upstream.refused);
    else if (repeatable && !this.#attempts.repeated && !this.#client.gone && this.#app.mayRetry()) this.#repeat();
    else this.#failByUs(502, "the application closed the connection without an answer");
  }

  // --- tunnels: the answer to an upgrade was the 101, so the request is served however the tunnel ends ---

  onSwitched(head: ResponseHead, rest: Buffer | null): void {
    const upstream = this.#upstream;
    if (upstream === null) return;
    this.#phase = "tunnel";
    this.#route.book.end(this.#release, this.#attempts.column(this.#wait), 101);
    const onEnd = (): void => {
      this.#closeTunnel();
    };
    this.tunnel = new Tunnel({ client: this.#client, upstream, onEnd }, head.upgrade ?? "");
    this.#client.switchTo(this.#added(head));
    this.#target?.switched(this);
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
    this.#trace?.end(this.#release, this.#attempts.column(this.#wait), 101);
    this.#dropUpstream();
    this.#client.closeTunnel();
  }

  // --- the client ---

  /** The client has closed its side: nothing comes after what it has sent, some of which may still wait to be passed on. */
  onClientEnd(): void {
    if (this.tunnel !== null) this.tunnel.onClientEnd();
    else if (this.#phase === "held" || (!this.#requestComplete && !this.#client.hasInput)) this.#endAsGone();
  }

  /** The client's connection is gone. */
  onClientClose(): void {
    if (this.#phase === "tunnel") this.#closeTunnel();
    else if (this.#phase !== "done") this.#endAsGone();
  }

  #endAsGone(): void {
    this.#dropUpstream();
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
    const idle = now - this.#movedAt;
    if (this.tunnel !== null) {
      this.tunnel.sweep(now, this.#limits.tunnelIdleMs);
    } else if (this.#phase === "dialling") {
      const { connectTimeoutMs, connectTotalMs } = this.#limits;
      if (idle > Math.min(connectTimeoutMs, connectTotalMs - this.#attempts.dialledMs)) this.#upstream?.destroy();
    } else if (this.#phase === "relaying" || this.#phase === "flushing") {
      this.events?.sweep(now);
      this.#sweepRelay(now);
    }
  }

  #sweepRelay(now: number): void {
    const limits = { ...this.#limits, firstByteTimeoutMs: this.#app.table.proxy.firstByteTimeoutMs };
    const relay = { now, movedAt: this.#movedAt, client: this.#client, upstream: this.#upstream, body: this.#body };
    const end = overdue({ ...relay, requestComplete: this.#requestComplete, hasEvents: this.events !== null }, limits);
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
    this.#target?.whenFailed();
    this.#dropUpstream();
    this.#end("failed", this.#client.forwarded ? this.#status : status);
    this.#answerOrAbort(errorAnswer(status, reason, this.#app.pages));
  }

  #endWith(column: LedgerColumn, answer: OwnAnswer, close?: boolean): void {
    this.#dropUpstream();
    this.#end(column, answer.status);
    this.#answerOrAbort(answer, close);
  }

  #answerOrAbort(answer: OwnAnswer, close = !this.#requestComplete || !this.#head.keepAlive): void {
    if (this.#client.forwarded) this.#client.abort();
    else this.#client.answer(answer, { close, bodyless: this.#head.method === "HEAD" });
  }

  #dropUpstream(): void {
    if (this.#upstream !== null) this.#detach(this.#upstream);
    this.#leaveTarget();
  }

  #detach(upstream: Upstream): void {
    upstream.user = null;
    this.#upstream = null;
    upstream.destroy();
  }

  #leaveTarget(): LiveTarget | null {
    const target = this.#target;
    this.#target = null;
    target?.end(this);
    return target;
  }

  /** `status`: what the client gets, 0 for nothing. */
  #end(column: LedgerColumn, status: number): void {
    if (this.#phase === "done") return;
    this.#phase = "done";
    this.#app.release(this.#wait);
    this.#route.book.end(this.#release, column, status);
    this.#trace?.end(this.#release, column, status);
  }
}
