import type { Logger } from "../../base/log.ts";
import type { CertificateFiles, CertificateStatus, TlsSpec } from "../../core/tls.ts";
import { daysLeft, problemOfTime, type Certificate } from "./certificate.ts";
import { CertificatePair } from "./certificate-pair.ts";

const LOOK_MS = 1_000;
/** A certificate that nobody renews is a problem this long before its end. */
const WARN_DAYS = 7;

export interface CertificateStoreOptions {
  readonly log: Logger;
  /** The certificates of an app are not what they were. */
  readonly onChange: (app: string) => void;
}

/** The certificates from files of all apps, as they are on disk now or were when they were last good. */
export class CertificateStore {
  readonly #options: CertificateStoreOptions;
  readonly #apps = new Map<string, readonly CertificatePair[]>();
  /** By path, so that what is known of a file outlives a change of the configuration. */
  readonly #pairs = new Map<string, CertificatePair>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: CertificateStoreOptions) {
    this.#options = options;
  }

  start(): void {
    this.#lookLater();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Reads what the app's table names. A broken file is not an error here: the deployment that brought it was refused before, or it broke later. */
  async apply(app: string, tls: TlsSpec | null): Promise<void> {
    const pairs = (tls?.certificates ?? []).map((files) => this.#pair(files));
    this.#apps.set(app, pairs);
    await Promise.all(pairs.map((pair) => pair.look()));
    this.#forgetUnused();
  }

  remove(app: string): void {
    this.#apps.delete(app);
    this.#forgetUnused();
  }

  of(app: string): readonly Certificate[] {
    return (this.#apps.get(app) ?? []).map((pair) => pair.current).filter((certificate) => certificate !== null);
  }

  status(app: string, now: number): readonly CertificateStatus[] {
    return (this.#apps.get(app) ?? []).map(({ files, current, problem }) => ({
      names: current?.names ?? [],
      source: "file",
      from: files.cert,
      expiresAt: current?.expiresAt ?? null,
      problem: problem ?? (current === null ? null : expiryProblem(current, now)),
    }));
  }

  #pair(files: CertificateFiles): CertificatePair {
    const key = keyOf(files);
    const pair = this.#pairs.get(key) ?? new CertificatePair(files, this.#options.log);
    this.#pairs.set(key, pair);
    return pair;
  }

  #forgetUnused(): void {
    const used = new Set([...this.#apps.values()].flat());
    for (const [key, pair] of this.#pairs) if (!used.has(pair)) this.#pairs.delete(key);
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.#look().finally(() => {
        this.#lookLater();
      });
    }, LOOK_MS);
  }

  async #look(): Promise<void> {
    const changed = new Set<CertificatePair>();
    await Promise.all(
      [...this.#pairs.values()].map(async (pair) => {
        if (await pair.look()) changed.add(pair);
      }),
    );
    for (const [app, pairs] of this.#apps) if (pairs.some((pair) => changed.has(pair))) this.#options.onChange(app);
  }
}

function expiryProblem(certificate: Certificate, now: number): string | null {
  const days = daysLeft(certificate.expiresAt, now);
  return problemOfTime(certificate, now) ?? (days < WARN_DAYS ? `the certificate expires in ${String(days)} days` : null);
}

function keyOf({ cert, key }: CertificateFiles): string {
  return `${cert}\0${key}`;
}
