import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseCertificate, type Certificate } from "../certificate.ts";
import { writeWhole } from "../../../platform/whole-file.ts";

export interface AcmeAccount {
  readonly key: string;
  readonly url: string;
}

const KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----\n?/;

/**
 * Accounts and certificates of each authority, for the proxy alone (0700 and 0600). A certificate and its key are one file, so that they
 * cannot be taken apart by a crash.
 */
export class AcmeFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async account(authority: string): Promise<AcmeAccount | null> {
    try {
      return JSON.parse(await readFile(this.#accountPath(authority), "utf8")) as AcmeAccount;
    } catch {
      return null;
    }
  }

  async saveAccount(authority: string, account: AcmeAccount): Promise<void> {
    await this.#prepare(authority);
    await writeWhole(this.#accountPath(authority), JSON.stringify(account));
  }

  async forgetAccount(authority: string): Promise<void> {
    await rm(this.#accountPath(authority), { force: true });
  }

  /** Null if there is none, or none that can be used. */
  async certificate(authority: string, domain: string): Promise<Certificate | null> {
    const text = await readFile(this.#certificatePath(authority, domain), "utf8").catch(() => "");
    return parseCertificate(text.replace(KEY, ""), KEY.exec(text)?.[0] ?? "").certificate;
  }

  async saveCertificate(authority: string, domain: string, { key, cert }: { key: string; cert: string }): Promise<void> {
    await this.#prepare(authority);
    await writeWhole(this.#certificatePath(authority, domain), `${key.trim()}\n${cert.trim()}\n`);
  }

  async #prepare(authority: string): Promise<void> {
    await mkdir(this.#of(authority), { recursive: true, mode: 0o700 });
  }

  #accountPath(authority: string): string {
    return join(this.#of(authority), "account.json");
  }

  #certificatePath(authority: string, domain: string): string {
    return join(this.#of(authority), `${domain}.pem`);
  }

  /** An authority is known by its directory's address. */
  #of(authority: string): string {
    const host = new URL(authority).host.replace(/[^\w.-]/g, "_");
    return join(this.#directory, `${host}-${createHash("sha256").update(authority).digest("hex").slice(0, 8)}`);
  }
}
