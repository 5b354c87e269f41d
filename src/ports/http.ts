export interface HttpRequest {
  readonly method: string;
  /** http or https. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Connects here instead of to the host of the address, which need not have a name anywhere; its certificate is not judged. */
  readonly via?: { readonly host: string; readonly port: number } | undefined;
  /** For the whole of it. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** By small-letter name; fields that came several times have several values. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** At most 4 MiB of it. */
  readonly body: string;
  /** Milliseconds from the start to the last byte. */
  readonly ms: number;
}

/** Plain requests to other programs: metrics servers, webhooks. Redirects are not followed. */
export interface Http {
  /** @throws ERR_HTTP_FAILED when there is no whole answer in time */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
}
