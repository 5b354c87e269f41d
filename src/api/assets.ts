import { z } from "zod";
import type { AssetPlace, AssetsSpec, AssetSource } from "../core/assets.ts";

const place: z.ZodType<AssetPlace> = z.strictObject({ path: z.string().startsWith("/"), directory: z.string().min(1) });
const places = z.array(place).min(1).max(100);

export const assetsSchema: z.ZodType<AssetsSpec> = z.strictObject({
  places,
  keep: z.number().int().min(1).max(100),
  maxAgeMs: z.number().int().min(0),
});

export const assetSourceSchema: z.ZodType<AssetSource> = z.strictObject({
  release: z.string().min(1),
  places,
  until: z.number().nullable(),
  tree: z.string().startsWith("/").optional(),
});
