import type { ListenAddress } from "./listen-address.ts";

/** How an app is served over HTTPS. Paths are absolute; the files are read by the proxy, again whenever they change. */
export interface TlsSpec {
  readonly listen: ListenAddress;
  /** Names the app is reached under; each must be covered by a certificate. Empty: whatever the certificates say. */
  readonly names: readonly string[];
  readonly certificates: readonly CertificateFiles[];
  readonly acme: AcmeSpec | null;
  /** Null: the plain listener serves like the secure one. */
  readonly redirect: RedirectSpec | null;
  /** The value of Strict-Transport-Security (RFC 6797), sent over TLS only. */
  readonly hsts: string | null;
  readonly minVersion: TlsVersion;
  /** A client that asks for a name no certificate covers (or for none) gets the first certificate, or a fatal alert. */
  readonly unknownName: UnknownName;
}

/** PEM files: the certificate with its chain, and its private key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Certificates from a certificate authority that speaks ACME (RFC 8555): one for each domain. */
export interface AcmeSpec {
  readonly directory: string;
  readonly email: string | null;
  readonly domains: readonly string[];
  /** A PEM file with the roots by which the authority itself is known, for a private one. */
  readonly rootCertificates: string | null;
}

/** Plain requests are sent to HTTPS with 308, except to these paths. */
export interface RedirectSpec {
  readonly exceptPaths: readonly string[];
  /** As clients reach it from outside. */
  readonly port: number;
}

export const TLS_VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export const UNKNOWN_NAME = ["default", "refuse"] as const;
export type UnknownName = (typeof UNKNOWN_NAME)[number];

/** How HTTPS of an app is at the moment, as the proxy sees it. */
export interface TlsTraffic {
  /** As bound. */
  readonly listen: ListenAddress;
  readonly certificates: readonly CertificateStatus[];
}

export interface CertificateStatus {
  readonly names: readonly string[];
  readonly source: "file" | "acme";
  /** The file, or the domain that is asked for. */
  readonly from: string;
  /** Milliseconds since the epoch; null while there is none. */
  readonly expiresAt: number | null;
  /** Why it is not (or soon no longer) as it should be; the last good certificate is served meanwhile. */
  readonly problem: string | null;
}
