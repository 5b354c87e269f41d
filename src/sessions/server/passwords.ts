import { createHash, timingSafeEqual } from "node:crypto";
import type { Passwords } from "../commands/server-facts.ts";

const digest = (text: string): Buffer => createHash("sha256").update(text, "latin1").digest();

/** Several may be valid at a time, so that one can be replaced while clients still use the other. None: everybody may come in. */
export function passwordsFrom(texts: readonly string[]): Passwords {
  const digests = texts.map((text) => digest(Buffer.from(text, "utf8").toString("latin1")));
  return {
    required: digests.length > 0,
    accepts: (given) => {
      const wanted = digest(given);
      // All are looked at: how long it takes tells nothing.
      return digests.filter((known) => timingSafeEqual(known, wanted)).length > 0;
    },
  };
}
