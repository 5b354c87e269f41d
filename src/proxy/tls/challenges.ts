/** What the workers answer to a certificate authority that checks who we are, as long as an order runs. */
export interface ChallengeAnswers {
  /** http-01 (RFC 8555 section 8.3): key authorizations by token. */
  readonly http: ReadonlyMap<string, string>;
  /** tls-alpn-01 (RFC 8737): a certificate by domain. */
  readonly alpn: ReadonlyMap<string, AlpnCertificate>;
}

export interface AlpnCertificate {
  readonly cert: string;
  readonly key: string;
}

export const NO_CHALLENGES: ChallengeAnswers = { http: new Map(), alpn: new Map() };
