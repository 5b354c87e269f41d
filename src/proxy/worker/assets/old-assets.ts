import { join } from "node:path";
import type { ReleaseName } from "../../../base/names.ts";
import type { AssetSource } from "../../../core/assets.ts";
import type { RequestHead } from "../request-head.ts";
import { assetAnswer, type AssetAnswer } from "./asset-answer.ts";
import { openAsset, type AssetFile } from "./asset-file.ts";
import { assetPath } from "./asset-path.ts";

export interface FoundAsset extends AssetAnswer {
  readonly file: AssetFile;
}

/** The files of other releases of an app. */
export class OldAssets {
  readonly #sources: readonly AssetSource[];

  constructor(sources: readonly AssetSource[]) {
    this.#sources = sources;
  }

  /** Some release may have a file for it. */
  mayHave({ method, target, body, upgrade }: RequestHead): boolean {
    if ((method !== "GET" && method !== "HEAD") || body !== 0 || upgrade !== null) return false;
    return this.#sources.some(({ places }) => places.some(({ path }) => assetPath(target, path) !== null));
  }

  /** The file of the first release that has one, but for the one that has said that it has none. */
  async find(head: RequestHead, asked: ReleaseName): Promise<FoundAsset | null> {
    const now = Date.now();
    for (const { release, tree, places, until } of this.#sources) {
      if (release === asked || tree === undefined || (until !== null && until <= now)) continue;
      for (const place of places) {
        const path = assetPath(head.target, place.path);
        const file = path === null ? null : await openAsset(join(tree, place.directory), path);
        if (path !== null && file !== null) return { file, ...assetAnswer(head, { ...file, name: path, release }) };
      }
    }
    return null;
  }
}
