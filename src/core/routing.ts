/** How the proxy chooses among apps, releases and instances. */
export interface RoutingSpec {
  readonly claim: Claim;
  /** Absent: `DEFAULT_BALANCE`. */
  readonly balance?: BalanceSpec | undefined;
  /** Keeps a client on one release while weights move. Absent or null: each request by itself. */
  readonly cohort?: CohortSpec | null | undefined;
  /** Absent or null: a request may go to another release than the page that sends it. */
  readonly skew?: SkewSpec | null | undefined;
  /** Absent or null: there are no previews. */
  readonly preview?: PreviewSpec | null | undefined;
}

export const COHORT_KINDS = ["cookie", "header", "ip"] as const;

/** By what a client is known: a cookie that the proxy sets, a field that it sends, or its address. Never ties it to one instance. */
export interface CohortSpec {
  readonly by: (typeof COHORT_KINDS)[number];
  /** Of the cookie or the field. */
  readonly name: string;
}

/** How the requests of a page are known, so that they go to the release that has served the page. */
export interface SkewSpec {
  /** Fields in which a request names the release. */
  readonly headers: readonly string[];
  /** The parameter of the target's query in which it does. */
  readonly parameter: string;
  /** Says which release has served the last document; the same as the cohort's where that is known by a cookie. */
  readonly cookie: string;
}

/** How a request reaches the pool that is marked `preview` before it is active; it never reaches another one then. */
export interface PreviewSpec {
  readonly header: string;
  readonly cookie: string;
  /** Hosts that are for previews only; the claim names them too. */
  readonly hosts: readonly string[];
  /** SHA-256 (hex) of the value that header or cookie must have. Null: the value is the name of the release. */
  readonly secretSha256: string | null;
  /** The same of the key that a release was given when it was made; it opens the pool too. Absent: there is none. */
  readonly keySha256?: string | undefined;
}

/** Where a release is tried out and the configuration says nothing of previews. */
export const DEFAULT_PREVIEW = Object.freeze({ header: "X-Hitless-Preview", cookie: "hitless_preview", hosts: [] });

/**
 * Which requests of a listen address are an app's: everything that is named must hold. Where several apps claim a request the most specific
 * one gets it: an exact host before a wildcard before any host, then the longer path, then more fields.
 */
export interface Claim {
  /** Names in small letters, `*.example.com` for every name with one label more. Empty: every host. */
  readonly hosts: readonly string[];
  /** Whole leading segments of the path, byte for byte as it is forwarded, without a slash at the end. Empty: every path. */
  readonly paths: readonly string[];
  readonly headers: readonly FieldMatch[];
  readonly cookies: readonly FieldMatch[];
}

export interface FieldMatch {
  readonly name: string;
  /** Null: whatever its value is. */
  readonly value: string | null;
}

export const CLAIM_OF_EVERYTHING: Claim = Object.freeze({ hosts: [], paths: [], headers: [], cookies: [] });
export const DEFAULT_BALANCE: BalanceSpec = Object.freeze({ by: "round-robin", slowStartMs: 0, maxPerInstance: null });
export const DEFAULT_ROUTING: RoutingSpec = Object.freeze({ claim: CLAIM_OF_EVERYTHING });

export const BALANCE_KINDS = ["round-robin", "least"] as const;
export type BalanceKind = (typeof BALANCE_KINDS)[number];

/** How requests are shared out inside a pool. */
export interface BalanceSpec {
  /** In turn, or to the one with fewer requests in flight of two drawn by lot. */
  readonly by: BalanceKind;
  /** A new target's share grows to the full one in this time. 0: at once. */
  readonly slowStartMs: number;
  /** Requests in flight in one target, over all workers; those beyond it wait. Null: any number. */
  readonly maxPerInstance: number | null;
}

/** One host and one path of a claim; `""` is every one. */
export interface Place {
  readonly host: string;
  readonly path: string;
}

export function placesOf({ hosts, paths }: Claim): readonly Place[] {
  const everyPath = paths.length === 0 ? [""] : paths;
  return (hosts.length === 0 ? [""] : hosts).flatMap((host) => everyPath.map((path) => ({ host, path })));
}

/** What two claims have in common, so that nothing says whose the request is; e.g. `shop.example.com/api`. */
export function sharedPlaces(a: Claim, b: Claim): readonly string[] {
  if (conditionsOf(a) !== conditionsOf(b)) return [];
  const places = new Set(placesOf(a).map(placeText));
  return placesOf(b)
    .map(placeText)
    .filter((place) => places.has(place));
}

function placeText({ host, path }: Place): string {
  return `${host === "" ? "every host" : host}${path}`;
}

function conditionsOf({ headers, cookies }: Claim): string {
  const texts = [
    ...headers.map(({ name, value }) => JSON.stringify(["header", name.toLowerCase(), value])),
    ...cookies.map(({ name, value }) => JSON.stringify(["cookie", name, value])),
  ];
  return texts.sort().join();
}
