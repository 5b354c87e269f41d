import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../base/log.ts";
import { writeWhole } from "../../platform/whole-file.ts";

const BYTES = 32;

/** What signs the cookies that say a client's release: the same for all workers and generations, so that a page outlives them. */
export async function releaseKey(directory: string, log: Logger): Promise<Uint8Array> {
  const path = join(directory, "release.key");
  const saved = await readFile(path).catch(() => null);
  if (saved?.length === BYTES) return saved;
  const key = randomBytes(BYTES);
  try {
    await writeWhole(path, key);
  } catch (error) {
    log.error("the key of clients' releases cannot be saved; pages do not keep their release over this proxy's end", {
      error: String(error),
    });
  }
  return key;
}
