import { z } from "zod";
import type { AssetsSpec } from "../core/assets.ts";
import { urlPath } from "./routing.ts";
import { duration } from "./units.ts";

const KEEP = "expected a whole number from 1 to 100";
const DIRECTORY = 'expected a directory of the release such as "public/assets", relative to it and without ".."';
const directory = z
  .string({ error: DIRECTORY })
  .regex(/^[^/\0]/, { error: DIRECTORY })
  .refine((path) => !path.split("/").includes(".."), { error: DIRECTORY });
const PATHS = 'expected paths and their directories such as { "/assets": "public/assets" }';

/** The key `assets` of the configuration. */
export const assets = z
  .strictObject({
    paths: z
      .record(
        urlPath.refine((path) => path !== "", { error: PATHS }),
        directory,
        { error: PATHS },
      )
      .refine((paths) => Object.keys(paths).length > 0, { error: PATHS })
      .describe("Which paths, and in which directory of a release their files are."),
    keep: z
      .number({ error: KEEP })
      .int({ error: KEEP })
      .min(1, { error: KEEP })
      .max(100, { error: KEEP })
      .default(5)
      .describe("Of how many replaced releases."),
    maxAge: duration(60_000, 90 * 86_400_000)
      .default(7 * 86_400_000)
      .describe("How long after a release was replaced."),
  })
  .describe("Files of replaced releases that clients still get where the application answers 404.");

/** What the key adds to the spec. */
export function assetsOf(config: { readonly assets?: z.output<typeof assets> | undefined }): { readonly assets?: AssetsSpec } {
  if (config.assets === undefined) return {};
  const { paths, keep, maxAge } = config.assets;
  return { assets: { places: Object.entries(paths).map(([path, at]) => ({ path, directory: at })), keep, maxAgeMs: maxAge } };
}
