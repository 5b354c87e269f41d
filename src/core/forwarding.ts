/** What an application is told of the way a request came, and whose word on that is taken. */
export interface ForwardingSpec {
  /** Addresses and CIDR ranges of proxies in front whose forwarded fields are kept. */
  readonly trustedProxies: readonly string[];
  /** RFC 7239 beside X-Forwarded-*. */
  readonly forwarded: boolean;
  /** Our name in Via (RFC 9110 section 7.6.3); null: none. */
  readonly via: string | null;
  /** The field that carries the request's id. */
  readonly requestId: string;
}

export const DEFAULT_FORWARDING: ForwardingSpec = Object.freeze({
  trustedProxies: [],
  forwarded: false,
  via: "hitless",
  requestId: "X-Request-ID",
});

/** In which version an instance is told whose connection it is. */
export const PROXY_PROTOCOL_VERSIONS = ["v1", "v2"] as const;
export type ProxyProtocolVersion = (typeof PROXY_PROTOCOL_VERSIONS)[number];

/** HAProxy's PROXY protocol, by which a balancer in front says whose connection it is. */
export interface ProxyProtocolSpec {
  /** `require`: every connection begins with a header; from trusted proxies only, where any are named. */
  readonly in: "off" | "require";
}
