import type { ReadStream } from "node:fs";
import type { Upstream, UpstreamUser } from "../upstream.ts";
import type { FoundAsset } from "./old-assets.ts";

/** Answers one request from a file, in the place of an instance. */
export class AssetUpstream implements Upstream {
  user: UpstreamUser | null = null;
  readonly preface = "";
  readonly connected = true;
  readonly began = true;
  readonly refused = null;
  readonly reusable = false;
  readonly idleHintMs = null;
  reused = false;
  idleSince = 0;
  readonly #asset: FoundAsset;
  #stream: ReadStream | null = null;

  constructor(asset: FoundAsset) {
    this.#asset = asset;
  }

  start(): void {
    const { head, part, file } = this.#asset;
    if (part === null) {
      void file.handle.close();
      this.user?.onWhole(head, "");
      return;
    }
    const stream = file.handle.createReadStream(part);
    this.#stream = stream;
    stream.on("data", (data) => this.user?.onBody(data as Buffer, false));
    stream.on("end", () => this.user?.onEnd(null));
    stream.on("error", () => this.user?.onBroken());
    this.user?.onHead(head, false);
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  destroy(): void {
    this.#stream?.destroy();
  }

  isUsable(): boolean {
    return false;
  }

  isClogged(): boolean {
    return false;
  }

  isFlushed(): boolean {
    return true;
  }

  // A file takes nothing: its request has no body.

  sendHead(): void {}

  sendBody(): void {}

  endBody(): void {}

  flush(): void {}

  sendRaw(): void {}

  endRaw(): void {}
}
