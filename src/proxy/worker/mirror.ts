import { bucketOf, type HistogramData } from "../../base/histogram.ts";
import type { ReleaseName } from "../../base/names.ts";
import { MIRROR_EXAMPLES_MAX, type MirrorFigures, type MirrorRequest } from "../../core/judging/mirror.ts";
import type { LedgerColumn } from "../../core/ledger.ts";
import { isEventStream } from "./event-stream.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { LiveTarget } from "./live-target.ts";
import { BodyPrint } from "./mirror-body.ts";
import { MirrorCopy, type CopyAnswer } from "./mirror-copy.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

/** So many copies are under way at a time; what comes beyond is left out, so that a slow release costs the proxy no memory. */
const COPIES_MAX = 32;

export interface MirrorOptions extends MirrorRequest {
  /** An instance of the new release, or null. */
  pick(): LiveTarget | null;
}

/** An answer that a client is getting from the present release, and with which a copy's is to be compared. */
export class MirroredAnswer {
  readonly head: RequestHead;
  readonly status: number;
  readonly print: BodyPrint | null;
  readonly #mirror: Mirror;
  readonly #begunAt = performance.now();

  constructor(head: RequestHead, status: number, print: BodyPrint | null, mirror: Mirror) {
    this.head = head;
    this.status = status;
    this.print = print;
    this.#mirror = mirror;
  }

  body(data: Buffer | string): void {
    this.print?.add(data);
  }

  /** It is whole: only now its request is sent once more. `fields`: what the proxy added to it. */
  end(client: ExchangeClient, fields: string): void {
    this.#mirror.send(this, { client, fields, ms: this.#begunAt - client.requestBeganAt });
  }
}

/**
 * A share of an app's live requests, sent to a release that nobody sees yet as well. A copy is sent when the client's own answer is over, on
 * the copy's own connection, outside of all counts: no client waits for one, or is told of one.
 */
export class Mirror {
  readonly #options: MirrorOptions;
  readonly #copies = new Set<MirrorCopy>();
  readonly #old = new Map<number, number>();
  readonly #new = new Map<number, number>();
  readonly #examples = new Set<string>();
  readonly #counts = { pairs: 0, statusDiffers: 0, bodyDiffers: 0, unanswered: 0, dropped: 0 };
  #credit = 0;
  #over = false;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /**
   * Null where the request is not to be repeated: only GET and HEAD without a body are, and not what the application itself failed. Only what
   * went straight through (`column`) says how fast the present release is.
   */
  begin(head: RequestHead, answer: ResponseHead, column: LedgerColumn, release: ReleaseName): MirroredAnswer | null {
    const { status } = answer;
    if (!isMirrored(head) || column !== "served" || release === this.#options.release) return null;
    if (status >= 500 || isEventStream(answer)) return null;
    this.#credit += this.#options.percent;
    if (this.#credit < 100) return null;
    this.#credit -= 100;
    return new MirroredAnswer(head, status, this.#options.compareBody && status !== 304 ? new BodyPrint() : null, this);
  }

  /** Ends what is under way; what it was about is not counted. */
  end(): MirrorFigures {
    this.#over = true;
    for (const copy of this.#copies) copy.abandon();
    this.#copies.clear();
    const latency = { old: dataOf(this.#old), new: dataOf(this.#new) };
    return { ...this.#counts, latency, examples: [...this.#examples] };
  }

  send(expected: MirroredAnswer, { client, fields, ms }: { client: ExchangeClient; fields: string; ms: number }): void {
    const target = !this.#over && this.#copies.size < COPIES_MAX ? this.#options.pick() : null;
    if (target === null) {
      this.#counts.dropped += 1;
      return;
    }
    const request = { head: expected.head, fields, hashed: expected.print !== null };
    const copy = new MirrorCopy(target, client, request, (answer) => {
      if (this.#copies.delete(copy)) this.#compare(expected, ms, answer);
    });
    this.#copies.add(copy);
    copy.start();
  }

  #compare(expected: MirroredAnswer, ms: number, answer: CopyAnswer | null): void {
    const { method, target } = expected.head;
    this.#counts.pairs += 1;
    const difference = this.#difference(expected, answer);
    count(this.#old, ms);
    if (answer !== null) count(this.#new, answer.ms);
    if (difference === null || this.#examples.size >= MIRROR_EXAMPLES_MAX) return;
    this.#examples.add(`${method} ${target.split("?", 1)[0] ?? ""}: ${difference}`);
  }

  #difference(expected: MirroredAnswer, answer: CopyAnswer | null): string | null {
    if (answer === null) {
      this.#counts.unanswered += 1;
      return `${String(expected.status)}, from ${this.#options.release} no answer`;
    }
    if (!isSameStatus(expected.status, answer.status)) {
      this.#counts.statusDiffers += 1;
      return `${String(expected.status)}, from ${this.#options.release} ${String(answer.status)}`;
    }
    if (expected.print === null || answer.status === 304 || expected.print.value === answer.print) return null;
    this.#counts.bodyDiffers += 1;
    return `the body from ${this.#options.release} is another one`;
  }
}

function isMirrored({ method, body, upgrade }: RequestHead): boolean {
  return (method === "GET" || method === "HEAD") && body === 0 && upgrade === null;
}

/** Two releases need not have the same validators: "you have it already" is the same answer as the thing itself. */
function isSameStatus(a: number, b: number): boolean {
  return a === b || (a === 304 && b === 200) || (a === 200 && b === 304);
}

function count(histogram: Map<number, number>, ms: number): void {
  const bucket = bucketOf(ms * 1_000);
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1);
}

function dataOf(histogram: ReadonlyMap<number, number>): HistogramData {
  return [...histogram].sort(([a], [b]) => a - b);
}
