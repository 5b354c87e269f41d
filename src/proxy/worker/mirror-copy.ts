import type { ExchangeClient } from "./exchange-client.ts";
import type { LiveTarget } from "./live-target.ts";
import { BodyPrint, COMPARED_MAX } from "./mirror-body.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import type { Upstream, UpstreamUser } from "./upstream.ts";

/** From the first attempt to the last byte. */
const LIMIT_MS = 10_000;

export interface CopyAnswer {
  readonly status: number;
  /** Until the head had come. */
  readonly ms: number;
  readonly print: string | null;
}

export interface CopiedRequest {
  readonly head: RequestHead;
  /** What the proxy added to the client's. */
  readonly fields: string;
  readonly hashed: boolean;
}

/** One live request, sent to the new release for the comparison alone: its answer is read and thrown away. */
export class MirrorCopy implements UpstreamUser {
  readonly #target: LiveTarget;
  readonly #client: ExchangeClient;
  readonly #request: CopiedRequest;
  readonly #done: (answer: CopyAnswer | null) => void;
  readonly #print: BodyPrint | null;
  #upstream: Upstream | null = null;
  #limit: NodeJS.Timeout | null = null;
  #startedAt = 0;
  #status = 0;
  #ms = 0;
  #read = 0;
  #over = false;

  /** `done` gets null where there was no whole answer in time. */
  constructor(target: LiveTarget, client: ExchangeClient, request: CopiedRequest, done: (answer: CopyAnswer | null) => void) {
    this.#target = target;
    this.#client = client;
    this.#request = request;
    this.#done = done;
    this.#print = request.hashed ? new BodyPrint() : null;
  }

  start(): void {
    this.#startedAt = performance.now();
    this.#limit = setTimeout(() => {
      this.#fail();
    }, LIMIT_MS);
    const idle = this.#target.pool.take(false, this.#client);
    if (idle === null) this.#dial();
    else {
      this.#use(idle);
      this.#send();
    }
  }

  /** Nobody wants to know any more. */
  abandon(): void {
    this.#over = true;
    this.#release(false);
  }

  #dial(): void {
    this.#use(this.#target.pool.dial(this.#client));
  }

  #use(upstream: Upstream): void {
    this.#upstream = upstream;
    upstream.user = this;
  }

  #send(): void {
    const { head, fields } = this.#request;
    this.#upstream?.sendHead(head, `${fields}X-Hitless-Mirror: 1\r\n`, false);
  }

  onUpstreamConnect(): void {
    this.#send();
  }

  onUpstreamClose(): void {
    const stale = this.#upstream?.reused === true && !this.#upstream.began;
    this.#upstream = null;
    if (this.#over) return;
    if (stale) this.#dial();
    else this.#fail();
  }

  onUpstreamDrain(): void {}

  isPassedOn(): boolean {
    return true;
  }

  onInterim(): void {}

  onWhole(head: ResponseHead, body: string): void {
    this.onHead(head);
    this.#print?.add(body);
    this.onEnd();
  }

  onHead({ status }: ResponseHead): void {
    this.#status = status;
    this.#ms = performance.now() - this.#startedAt;
  }

  onBody(data: Buffer): void {
    this.#read += data.length;
    this.#print?.add(data);
    if (this.#read >= COMPARED_MAX) this.#settle(false);
  }

  onEnd(): void {
    this.#settle(true);
  }

  onBroken(): void {
    this.#fail();
  }

  onSwitched(): void {
    this.#fail();
  }

  onRaw(): void {}

  onRawEnd(): void {}

  #settle(whole: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#release(whole);
    this.#done({ status: this.#status, ms: this.#ms, print: this.#print?.value ?? null });
  }

  #fail(): void {
    if (this.#over) return;
    this.#over = true;
    this.#release(false);
    this.#done(null);
  }

  #release(whole: boolean): void {
    if (this.#limit !== null) clearTimeout(this.#limit);
    const upstream = this.#upstream;
    this.#upstream = null;
    if (upstream === null) return;
    upstream.user = null;
    if (whole && upstream.reusable) this.#target.pool.give(upstream);
    else upstream.destroy();
  }
}
