import type { InstanceName, ReleaseName } from "../../base/names.ts";
import { NO_RELEASE } from "../../core/ledger.ts";
import type { AccessTrace } from "../access-log/access-trace.ts";
import { AssetFallback } from "./assets/asset-fallback.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { InFlight } from "./in-flight.ts";
import type { Limits } from "./limits.ts";
import type { LiveTarget } from "./live-target.ts";
import { isRepeatable } from "./repeatable.ts";
import type { RequestHead } from "./request-head.ts";
import type { Route } from "./route.ts";
import type { SentBody } from "./sent-body.ts";
import { afterTurn } from "./turn.ts";
import type { Upstream, UpstreamUser } from "./upstream.ts";

/** The exchange whose request it is. */
export interface SendingExchange extends UpstreamUser, InFlight {
  /** It is about to be sent. */
  readonly isDialling: boolean;
  /** It goes out now. */
  whenSending(): void;
}

export interface SenderParts {
  readonly client: ExchangeClient;
  readonly route: Route;
  readonly head: RequestHead;
  /** Null without an access log. */
  readonly trace: AccessTrace | null;
}

/** Sends one request to an instance, and perhaps to another one after it; knows where it is at the moment and what has been tried so far. */
export class RequestSender {
  /** Of the last target. */
  release: ReleaseName = NO_RELEASE;
  target: LiveTarget | null = null;
  upstream: Upstream | null = null;
  /** Something of this attempt was handed to the kernel. */
  sent = false;
  /** The whole body has come from the client. */
  isComplete: boolean;
  /** When the present attempt last moved: dialled, sent, or received (milliseconds since the epoch). */
  movedAt = 0;
  /** It was sent to an application, or should have been, more than once. */
  again = false;
  /** R1 has been made use of: once, and on a fresh connection. */
  repeated = false;
  /** So long connections to instances were tried for that did not come about. */
  dialledMs = 0;
  /** What we add to the request, the same in every attempt. */
  fields: string | null = null;
  #tried: Set<InstanceName> | null = null;
  /** What an application that did nothing with it has got of the request's body. */
  #refused: SentBody | null = null;
  readonly #exchange: SendingExchange;
  /** Takes the answers: the exchange, or what stands before it. */
  readonly #user: UpstreamUser;
  readonly #parts: SenderParts;

  constructor(exchange: SendingExchange, parts: SenderParts) {
    this.#exchange = exchange;
    this.#parts = parts;
    const assets = parts.route.assets();
    this.#user =
      assets?.mayHave(parts.head) === true ? new AssetFallback(this, { assets, exchange, head: parts.head }) : exchange;
    this.isComplete = parts.head.body === 0;
  }

  /** To this target, on a connection that is there or a new one. */
  attempt(target: LiveTarget): void {
    const { client, head, trace } = this.#parts;
    this.target = target;
    this.release = target.release;
    this.sent = false;
    target.begin(this.#exchange);
    trace?.attempt(target.instance);
    const direct = isRepeatable(head);
    const idle = this.repeated ? null : target.pool.take(!direct, client);
    if (idle === null) this.dial();
    else if (direct) this.#send(this.#use(idle));
    else this.#sendAfterLook(this.#use(idle));
  }

  dial(): void {
    if (this.target === null) return;
    this.movedAt = Date.now();
    this.#use(this.target.pool.dial(this.#parts.client));
  }

  whenConnected(): void {
    this.target?.whenDialled();
    if (this.upstream !== null && this.#exchange.isDialling) this.#send(this.upstream);
  }

  /** `idleMs`: for so long nothing has come about. */
  sweepDial(idleMs: number, { connectTimeoutMs, connectTotalMs }: Limits): void {
    if (idleMs > Math.min(connectTimeoutMs, connectTotalMs - this.dialledMs)) this.upstream?.destroy();
  }

  /** A piece of the body has come. */
  body(data: Buffer, more: boolean): void {
    this.upstream?.sendBody(data, more);
    if (this.upstream?.isClogged() === true) this.#parts.client.pause();
  }

  endBody(trailers: string | null): void {
    this.isComplete = true;
    this.upstream?.endBody(trailers);
  }

  // --- elsewhere ---

  /** R0: nothing was sent, so any request may go elsewhere; null when everything was tried. */
  elsewhereAfterDial(): LiveTarget | null {
    this.target?.whenDialFailed();
    this.dialledMs += Date.now() - this.movedAt;
    return this.#pickElsewhere();
  }

  /** R5: the application did nothing with it, and its body goes with the next attempt: each target once and, the first time, the only one again. */
  elsewhereAfterRefusal(body: SentBody): LiveTarget | null {
    if (body.begun) this.#refused = body;
    if (!this.isComplete) this.#parts.client.pause();
    const isFirst = this.#tried === null;
    return this.#pickElsewhere() ?? (isFirst ? this.#parts.route.pick(null) : null);
  }

  /** R1: one repetition, on a fresh connection, within the budget. */
  elsewhereToRepeat(): LiveTarget | null {
    const { route } = this.#parts;
    const target = this.#leave();
    this.repeated = true;
    return route.pick(target === null ? null : new Set([target.instance])) ?? route.pick(null);
  }

  /** All targets may be tried again. */
  forgetTried(): void {
    this.#tried = null;
  }

  /** Where a served request counts; null where it never waited. */
  column(wait: object | null): "served" | "servedAfterRetry" | "servedAfterHold" {
    if (wait !== null) return "servedAfterHold";
    return this.again ? "servedAfterRetry" : "served";
  }

  // --- ends ---

  /** Its answer is whole: the connection may serve another one. */
  finish(): void {
    this.#giveBack();
    this.target?.whenAnswered();
    this.#leave();
  }

  /** The answer comes from elsewhere: what the application has answered is not passed on. */
  answerFrom(source: Upstream): void {
    this.#giveBack();
    this.#use(source);
  }

  /** Nothing more comes of the attempt. */
  drop(): void {
    if (this.upstream !== null) this.#detach(this.upstream);
    this.#leave();
  }

  /** A target that was not tried yet; the present one is given up. */
  #pickElsewhere(): LiveTarget | null {
    const left = this.#leave();
    if (left !== null) (this.#tried ??= new Set()).add(left.instance);
    return this.#parts.route.pick(this.#tried);
  }

  #send(upstream: Upstream): void {
    const { client, head, route, trace } = this.#parts;
    const { forwarding } = route.app;
    this.#exchange.whenSending();
    this.sent = true;
    this.movedAt = Date.now();
    this.fields ??= forwarding.of(head, client);
    upstream.sendHead(head, this.fields, !this.isComplete && client.hasInput);
    trace?.sent(forwarding.requestIdIn(`\r\n${this.fields}`));
    if (this.upstream !== upstream) return;
    this.#refused?.sendTo(upstream);
    if (this.isComplete) return;
    client.resumeBody();
    if (this.upstream === upstream) upstream.flush();
  }

  #giveBack(): void {
    const { upstream, target } = this;
    this.upstream = null;
    if (upstream === null) return;
    upstream.user = null;
    if (upstream.reusable && this.isComplete && target !== null) target.pool.give(upstream);
    else upstream.destroy();
  }

  #leave(): LiveTarget | null {
    const { target } = this;
    this.target = null;
    target?.end(this.#exchange);
    return target;
  }

  #use(upstream: Upstream): Upstream {
    this.upstream = upstream;
    upstream.user = this.#user;
    return upstream;
  }

  #detach(upstream: Upstream): void {
    upstream.user = null;
    this.upstream = null;
    upstream.destroy();
  }

  /** What must not be repeated is only sent once the event loop has had a chance to see that the connection was closed (§3.3 a). */
  #sendAfterLook(upstream: Upstream): void {
    afterTurn(() => {
      if (this.upstream !== upstream || !this.#exchange.isDialling) return;
      if (upstream.isUsable()) this.#send(upstream);
      else {
        this.#detach(upstream);
        this.dial();
      }
    });
  }
}
