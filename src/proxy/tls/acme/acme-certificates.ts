import type { Logger } from "../../../base/log.ts";
import type { AcmeSpec, CertificateStatus, TlsSpec } from "../../../core/tls.ts";
import { problemOfTime, type Certificate } from "../certificate.ts";
import { AcmeFailure } from "./acme-failure.ts";
import { AcmeFiles } from "./acme-files.ts";
import type { ChallengeBoard } from "./challenge-board.ts";
import type { ChallengeKind } from "./order.ts";
import { pauseAfter, renewalTime } from "./renewal.ts";

export interface AcmeCertificatesOptions {
  /** Where accounts and certificates are kept. */
  readonly directory: string;
  readonly board: ChallengeBoard;
  readonly log: Logger;
  /** The certificates of an app are not what they were. */
  readonly onChange: (app: string) => void;
}

/** One domain at one authority. */
interface Wanted {
  readonly domain: string;
  readonly spec: AcmeSpec;
  readonly challenge: ChallengeKind;
  certificate: Certificate | null;
  /** When to ask next; milliseconds since the epoch. */
  dueAt: number;
  /** In a row: it was not there; it would not. */
  absences: number;
  refusals: number;
  problem: string | null;
}

/** The clock is looked at this often at least. */
const LOOK_MAX_MS = 3_600_000;
const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/**
 * Certificates that are asked for and renewed by themselves: one order at a time, beside everything else. Whatever fails is said, shown in the
 * status and tried again later; a certificate that is there is served on.
 */
export class AcmeCertificates {
  readonly #options: AcmeCertificatesOptions;
  readonly #files: AcmeFiles;
  readonly #apps = new Map<string, readonly Wanted[]>();
  #timer: NodeJS.Timeout | null = null;
  #ordering = false;
  #started = false;
  #closed = false;

  constructor(options: AcmeCertificatesOptions) {
    this.#options = options;
    this.#files = new AcmeFiles(options.directory);
  }

  /** From now on orders may run: there are workers to answer for us. */
  start(): void {
    this.#started = true;
    this.#next();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Takes what is stored; what is missing is asked for in its own time. `plainPort`: where the app is served without TLS. */
  async apply(app: string, tls: TlsSpec | null, plainPort: number): Promise<void> {
    const { acme } = tls ?? { acme: null };
    const known = [...this.#apps.values()].flat();
    const challenge = tls?.listen.port === HTTPS_PORT && plainPort !== HTTP_PORT ? "tls-alpn-01" : "http-01";
    const wanted = await Promise.all(
      (acme?.domains ?? []).map(
        async (domain) => known.find((one) => isSame(one, domain, acme)) ?? (await this.#newlyWanted(domain, acme, challenge)),
      ),
    );
    this.#apps.set(
      app,
      wanted.filter((one) => one !== null),
    );
    this.#next();
  }

  remove(app: string): void {
    this.#apps.delete(app);
  }

  of(app: string): readonly Certificate[] {
    return (this.#apps.get(app) ?? []).map(({ certificate }) => certificate).filter((certificate) => certificate !== null);
  }

  status(app: string, now: number): readonly CertificateStatus[] {
    return (this.#apps.get(app) ?? []).map(({ domain, certificate, problem }) => ({
      names: certificate?.names ?? [domain],
      source: "acme",
      from: domain,
      expiresAt: certificate?.expiresAt ?? null,
      problem: problem ?? (certificate === null ? null : problemOfTime(certificate, now)),
    }));
  }

  async #newlyWanted(domain: string, spec: AcmeSpec | null, challenge: ChallengeKind): Promise<Wanted | null> {
    if (spec === null) return null;
    const certificate = await this.#files.certificate(spec.directory, domain);
    const dueAt = certificate === null ? 0 : renewalTime(certificate, Math.random());
    return { domain, spec, challenge, certificate, dueAt, absences: 0, refusals: 0, problem: null };
  }

  /** Begins the order that is due, or waits for the time when one is. */
  #next(): void {
    if (!this.#started || this.#closed || this.#ordering) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const [first] = [...this.#apps.values()].flat().toSorted((a, b) => a.dueAt - b.dueAt);
    if (first === undefined) return;
    const pause = Math.min(LOOK_MAX_MS, first.dueAt - Date.now());
    if (pause <= 0) {
      this.#ordering = true;
      void this.#order(first).finally(() => {
        this.#ordering = false;
        this.#next();
      });
      return;
    }
    this.#timer = setTimeout(() => {
      this.#next();
    }, pause);
  }

  async #order(wanted: Wanted): Promise<void> {
    const { spec, domain } = wanted;
    const { board, log } = this.#options;
    try {
      // The client is not loaded where nobody needs it.
      const { order } = await import("./order.ts");
      await order({ spec, domain, challenge: challengeFor(wanted), files: this.#files, board });
      await this.#take(wanted);
      log.info("a certificate was issued", { domain, directory: spec.directory });
    } catch (error) {
      const failure = error instanceof AcmeFailure ? error : new AcmeFailure(String(error));
      await this.#whenFailed(wanted, failure);
      log.error("a certificate could not be had; what is there is served on", {
        domain,
        failures: wanted.refusals + wanted.absences,
        problem: failure.message,
      });
    }
  }

  async #take(wanted: Wanted): Promise<void> {
    const certificate = await this.#files.certificate(wanted.spec.directory, wanted.domain);
    if (certificate === null) throw new AcmeFailure("what the authority gave cannot be used");
    wanted.certificate = certificate;
    wanted.dueAt = renewalTime(certificate, Math.random());
    wanted.absences = 0;
    wanted.refusals = 0;
    wanted.problem = null;
    for (const [app, all] of this.#apps) if (all.includes(wanted)) this.#options.onChange(app);
  }

  /** After the first refusal the other kind of challenge, or a new account, is tried at once; then it gets slower and slower. */
  async #whenFailed(wanted: Wanted, failure: AcmeFailure): Promise<void> {
    if (failure.accountUnknown) await this.#files.forgetAccount(wanted.spec.directory).catch(() => undefined);
    wanted.absences = failure.away ? wanted.absences + 1 : 0;
    wanted.refusals += failure.away ? 0 : 1;
    wanted.problem = `the authority ${failure.away ? "cannot be asked" : "refused"}: ${failure.message}`;
    const atOnce = wanted.refusals === 1 && !failure.away && failure.retryAfterMs === 0;
    const inARow = failure.away ? wanted.absences : wanted.refusals;
    wanted.dueAt = Date.now() + (atOnce ? 0 : pauseAfter(failure, inARow, Math.random()));
  }
}

/** A path to us may be closed: after a refusal the other one is taken. */
function challengeFor({ challenge, refusals }: Wanted): ChallengeKind {
  if (refusals % 2 === 0) return challenge;
  return challenge === "http-01" ? "tls-alpn-01" : "http-01";
}

function isSame(wanted: Wanted, domain: string, spec: AcmeSpec | null): boolean {
  const { directory, email, rootCertificates } = wanted.spec;
  return (
    wanted.domain === domain &&
    directory === spec?.directory &&
    email === spec.email &&
    rootCertificates === spec.rootCertificates
  );
}
