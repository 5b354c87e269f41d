import type { ReleaseName } from "../../../base/names.ts";
import type { RequestHead } from "../request-head.ts";
import type { ResponseHead } from "../response-head.ts";
import { afterTurn } from "../turn.ts";
import type { Upstream, UpstreamUser } from "../upstream.ts";
import { AssetUpstream } from "./asset-upstream.ts";
import type { FoundAsset, OldAssets } from "./old-assets.ts";

/** Who sends the request. */
interface Sender {
  readonly release: ReleaseName;
  readonly upstream: Upstream | null;
  answerFrom(source: Upstream): void;
}

interface FallbackParts {
  readonly assets: OldAssets;
  readonly exchange: UpstreamUser;
  readonly head: RequestHead;
}

type Call = (exchange: UpstreamUser) => void;

/**
 * Stands between an application and the exchange of a request for an asset. A 404 is kept until the other releases have been asked for the
 * file: then either the file goes to the client, or all that the application has said.
 */
export class AssetFallback implements UpstreamUser {
  readonly #sender: Sender;
  readonly #parts: FallbackParts;
  /** What the application has said of its 404, while the file is looked for. */
  #kept: Call[] | null = null;
  #isAsset = false;

  constructor(sender: Sender, parts: FallbackParts) {
    this.#sender = sender;
    this.#parts = parts;
  }

  onUpstreamConnect(): void {
    this.#parts.exchange.onUpstreamConnect();
  }

  onUpstreamDrain(): void {
    this.#parts.exchange.onUpstreamDrain();
  }

  onUpstreamClose(): void {
    this.#pass((exchange) => {
      exchange.onUpstreamClose();
    });
  }

  /** What is kept here is a copy. */
  isPassedOn(): boolean {
    return this.#kept !== null || this.#parts.exchange.isPassedOn();
  }

  onInterim(head: ResponseHead): void {
    this.#parts.exchange.onInterim(head);
  }

  onWhole(head: ResponseHead, body: string): void {
    if (this.#isMissing(head)) this.#search();
    this.#pass((exchange) => {
      exchange.onWhole(head, body);
    });
  }

  onHead(head: ResponseHead, more: boolean): void {
    if (this.#isMissing(head)) {
      this.#search();
      this.#sender.upstream?.pause();
    }
    this.#pass((exchange) => {
      exchange.onHead(head, more);
    });
  }

  onBody(data: Buffer, more: boolean): void {
    // The connection reads into the same memory again when it goes on.
    const own = this.#kept === null ? data : Buffer.from(data);
    this.#pass((exchange) => {
      exchange.onBody(own, more);
    });
  }

  onEnd(trailers: string | null): void {
    this.#pass((exchange) => {
      exchange.onEnd(trailers);
    });
  }

  onBroken(): void {
    this.#pass((exchange) => {
      exchange.onBroken();
    });
  }

  onSwitched(head: ResponseHead, rest: Buffer | null): void {
    this.#parts.exchange.onSwitched(head, rest);
  }

  onRaw(data: Buffer): void {
    this.#parts.exchange.onRaw(data);
  }

  onRawEnd(): void {
    this.#parts.exchange.onRawEnd();
  }

  #isMissing(head: ResponseHead): boolean {
    return head.status === 404 && !this.#isAsset;
  }

  #pass(call: Call): void {
    if (this.#kept === null) call(this.#parts.exchange);
    else this.#kept.push(call);
  }

  #search(): void {
    const { assets, head } = this.#parts;
    const { upstream, release } = this.#sender;
    this.#kept = [];
    void assets.find(head, release).then((asset) => {
      this.#decide(upstream, asset);
    });
  }

  #decide(upstream: Upstream | null, asset: FoundAsset | null): void {
    // Nobody waits for it any more where the sender has given up the application's answer.
    if (upstream === null || this.#sender.upstream !== upstream) void asset?.file.handle.close();
    else if (asset !== null) this.#answer(asset);
    else this.#passKept(upstream);
  }

  /** Goes on reading first: a socket that is told to pause in the turn in which it was told to go on does not. */
  #passKept(upstream: Upstream): void {
    upstream.resume();
    afterTurn(() => {
      const kept = this.#kept ?? [];
      this.#kept = null;
      if (this.#sender.upstream === upstream) for (const call of kept) call(this.#parts.exchange);
    });
  }

  #answer(asset: FoundAsset): void {
    this.#isAsset = true;
    this.#kept = null;
    const source = new AssetUpstream(asset);
    this.#sender.answerFrom(source);
    source.start();
  }
}
