import { createHash, createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";

/** A certificate with its chain and key, as PEM text, and what it says of itself. */
export interface Certificate {
  /** Tells one content from another. */
  readonly id: string;
  readonly cert: string;
  readonly key: string;
  /** Small letters; a wildcard as it stands. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly expiresAt: number;
}

export type ParsedCertificate =
  | { readonly certificate: Certificate; readonly problems: readonly [] }
  | { readonly certificate: null; readonly problems: readonly string[] };

const DAY_MS = 86_400_000;

/** Reads the two PEM texts; the problems are sentences that follow a file's name. */
export function parseCertificate(cert: string, key: string): ParsedCertificate {
  const x509 = attempt(() => new X509Certificate(cert));
  const privateKey = attempt(() => createPrivateKey(key));
  const problems = [
    ...(x509 instanceof Error ? ["the certificate file holds no PEM certificate"] : []),
    ...(privateKey instanceof Error ? ["the key file holds no PEM private key (or one with a passphrase)"] : []),
  ];
  if (x509 instanceof Error || privateKey instanceof Error) return { certificate: null, problems };
  const unfit = problemOfPair(x509, privateKey) ?? problemOfUse(cert, key);
  if (unfit !== null) return { certificate: null, problems: [unfit] };
  const certificate = {
    id: createHash("sha256").update(cert).update("\0").update(key).digest("hex"),
    cert,
    key,
    names: namesOf(x509),
    notBefore: Date.parse(x509.validFrom),
    expiresAt: Date.parse(x509.validTo),
  };
  return { certificate, problems: [] };
}

/** A sentence if the certificate is not valid at that time; null if it is. */
export function problemOfTime({ notBefore, expiresAt }: Certificate, now: number): string | null {
  if (now >= expiresAt) return `the certificate expired on ${day(expiresAt)}`;
  return now < notBefore ? `the certificate is valid only from ${day(notBefore)}` : null;
}

/** Whether a name (or a wildcard) of a certificate stands for the host name (RFC 6125 section 6.4.3: one label at the left). */
export function covers(pattern: string, name: string): boolean {
  return pattern === name || (pattern.startsWith("*.") && wildcardOf(name) === pattern);
}

/** `*.example.com` for `a.example.com`. */
export function wildcardOf(name: string): string {
  return `*${name.slice(name.indexOf("."))}`;
}

export function daysLeft(expiresAt: number, now: number): number {
  return Math.floor((expiresAt - now) / DAY_MS);
}

function problemOfPair(x509: X509Certificate, key: KeyObject): string | null {
  return x509.checkPrivateKey(key) ? null : "the key does not belong to the certificate";
}

/** What OpenSSL itself would refuse, such as keys that are too short. */
function problemOfUse(cert: string, key: string): string | null {
  const context = attempt(() => createSecureContext({ cert, key }));
  return context instanceof Error ? `it cannot be used (${context.message})` : null;
}

/** The names it is for; the common name counts only where there are no others (RFC 6125 section 6.4.4). */
function namesOf(x509: X509Certificate): readonly string[] {
  const names = [...(x509.subjectAltName ?? "").matchAll(/(?:^|, )DNS:([^,\s"]+)/g)].map((match) => match[1] ?? "");
  if (x509.subjectAltName !== undefined) return names.map((name) => name.toLowerCase());
  const common = /^CN=(.+)$/m.exec(x509.subject)?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
