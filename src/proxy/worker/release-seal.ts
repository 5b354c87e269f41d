import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { ReleaseName } from "../../base/names.ts";

/** 128 bits of the HMAC (RFC 2104 section 5 allows half of it). */
const SEAL_BYTES = 16;
const SEALED = /^([\w-]{22})\.([\w.+-]+)\.([\w-]{22})$/;

/** Whose a cookie is and which release has served its last document. */
export interface Sealed {
  readonly client: string;
  readonly release: ReleaseName;
}

/** Signs what a cookie says of a client's release, so that nobody chooses one by writing a cookie. One key for all workers and generations. */
export class ReleaseSeal {
  #key: Uint8Array = randomBytes(32);

  setKey(key: Uint8Array): void {
    this.#key = key;
  }

  write(app: string, { client, release }: Sealed): string {
    return `${client}.${release}.${this.#seal(app, client, release).toString("base64url")}`;
  }

  /** Null for what this seal has not written for the app. */
  read(app: string, value: string): Sealed | null {
    const [, client, release, seal] = SEALED.exec(value) ?? [];
    if (client === undefined || release === undefined || seal === undefined) return null;
    return timingSafeEqual(this.#seal(app, client, release), Buffer.from(seal, "base64url")) ? { client, release } : null;
  }

  #seal(app: string, client: string, release: ReleaseName): Buffer {
    return createHmac("sha256", this.#key).update(`${app}\0${client}\0${release}`).digest().subarray(0, SEAL_BYTES);
  }
}
