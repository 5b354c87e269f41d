import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../base/log.ts";
import { writeWhole } from "../../platform/whole-file.ts";

/** What Node takes: 16 bytes of name, 16 for the HMAC, 16 for AES. */
const BYTES = 48;
const ROTATE_MS = 24 * 3_600_000;
/** Tried again this soon after a rotation that could not be written. */
const RETRY_MS = 60_000;

interface Content {
  readonly keys: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/**
 * The keys that encrypt session tickets, the same in every worker and every generation: a client that comes back to another worker, or after
 * a restart, takes up its session again. They are replaced daily, because whoever has them can read recorded sessions of TLS 1.2. Node takes
 * one set at a time, so that a ticket of the day before costs its client one whole handshake.
 */
export class TicketKeys {
  readonly #path: string;
  readonly #log: Logger;
  readonly #onRotate: () => void;
  #content: Content = fresh();
  #timer: NodeJS.Timeout | null = null;

  constructor(directory: string, log: Logger, onRotate: () => void) {
    this.#path = join(directory, "ticket-keys.json");
    this.#log = log;
    this.#onRotate = onRotate;
  }

  get current(): Buffer {
    return Buffer.from(this.#content.keys, "base64");
  }

  async start(): Promise<void> {
    const saved = await this.#read();
    if (saved === null) await this.#save();
    else this.#content = saved;
    this.#rotateLater(this.#content.since + ROTATE_MS - Date.now());
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #read(): Promise<Content | null> {
    try {
      const content = JSON.parse(await readFile(this.#path, "utf8")) as Content;
      return Buffer.from(content.keys, "base64").length === BYTES ? content : null;
    } catch {
      return null;
    }
  }

  async #save(): Promise<boolean> {
    try {
      await writeWhole(this.#path, JSON.stringify(this.#content));
      return true;
    } catch (error) {
      this.#log.error("session ticket keys cannot be saved; sessions do not outlive this proxy", { error: String(error) });
      return false;
    }
  }

  #rotateLater(ms: number): void {
    this.#timer = setTimeout(
      () => {
        void this.#rotate();
      },
      Math.max(0, ms),
    );
  }

  async #rotate(): Promise<void> {
    this.#content = fresh();
    this.#onRotate();
    this.#rotateLater((await this.#save()) ? ROTATE_MS : RETRY_MS);
  }
}

function fresh(): Content {
  return { keys: randomBytes(BYTES).toString("base64"), since: Date.now() };
}
