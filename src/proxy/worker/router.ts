import { CLAIM_OF_EVERYTHING, placesOf, type Claim } from "../../core/routing.ts";
import type { ClientAddress } from "./forwarded-fields.ts";
import { cookieTest, headerTest, type FieldTest } from "./head-fields.ts";
import type { LiveApp } from "./live-app.ts";
import type { RequestBook } from "./request-book.ts";
import type { RequestHead } from "./request-head.ts";
import { unrouted, type Route, type Unrouted } from "./route.ts";

/** One place that an app claims. */
interface Claimant {
  readonly app: LiveApp;
  readonly path: string;
  readonly tests: readonly FieldTest[];
}

/** Who asks. */
export interface RouterClient extends ClientAddress {
  /** What it asked for by SNI; null where it did not. */
  readonly serverName: string | null;
}

/** What was found for a Host field is remembered for so many of them. */
const REMEMBERED_MAX = 1_024;
const SLASH = 47;
const QUESTION_MARK = 63;

/**
 * Says which of the apps of one listen address a request belongs to. Each request of a connection is looked at by itself (RFC 9110 section
 * 7.4): one for a host that nobody claims goes to nobody. Hosts are compared without case, port and final dot; paths on the very bytes that
 * are forwarded, segment by segment.
 */
export class Router {
  readonly #book: RequestBook;
  readonly #claimsOf = new Map<LiveApp, Claim>();
  /** By exact name, by `*.` name, and under `""` those for every host; the most specific first. */
  #byHost: ReadonlyMap<string, readonly Claimant[]> = new Map();
  readonly #byHostField = new Map<string, readonly Claimant[]>();
  /** The only app here. */
  #single: LiveApp | null = null;
  /** The only app here, if every request is its. */
  #owner: LiveApp | null = null;

  /** `book` counts what no app claims. */
  constructor(book: RequestBook) {
    this.#book = book;
  }

  get book(): RequestBook {
    return this.#book;
  }

  get isEmpty(): boolean {
    return this.#claimsOf.size === 0;
  }

  /** Some app here takes HTTP/2 without TLS. */
  get speaksHttp2(): boolean {
    return [...this.#claimsOf.keys()].some(({ table }) => table.proxy.http2Cleartext === true);
  }

  /** Safe to repeat with each table; only another claim costs anything. */
  set(app: LiveApp, claim: Claim): void {
    const known = this.#claimsOf.get(app);
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(claim)) return;
    this.#claimsOf.set(app, claim);
    this.#compile();
  }

  delete(app: LiveApp): void {
    if (this.#claimsOf.delete(app)) this.#compile();
  }

  /** A request's first byte has come: until its head is read it is the only app's, or nobody's. */
  begin(): RequestBook {
    const book = this.#single?.book ?? this.#book;
    book.begin();
    return book;
  }

  /** `begun`: the book that the request is in by now. */
  route(head: RequestHead, begun: RequestBook, client: RouterClient): Route | Unrouted {
    const app = this.#owner ?? this.#find(head);
    const route = this.#routeTo(app, head, client);
    begun.moveTo(route.book);
    return route;
  }

  #routeTo(app: LiveApp | null, head: RequestHead, client: RouterClient): Route | Unrouted {
    if (app === null) return this.#unclaimed();
    const { serverName } = client;
    if (serverName === null || serverName === head.host || app === this.#owner || this.#claims(serverName, app))
      return app.route(head, client);
    return unrouted(this.#book, 421, "the connection was made for another host");
  }

  /** RFC 9110 section 7.4: a connection made for one app's host is not good for another's. */
  #claims(host: string, app: LiveApp): boolean {
    return this.#claimants(host).some((claimant) => claimant.app === app);
  }

  #unclaimed(): Unrouted {
    if (this.isEmpty) return unrouted(this.#book, 503, "no application listens here at the moment");
    return unrouted(this.#book, 404, "no application serves this host and path here");
  }

  #find({ host, target, forward }: RequestHead): LiveApp | null {
    for (const { app, path, tests } of this.#claimants(host)) {
      if (isUnder(target, path) && tests.every((test) => test(forward))) return app;
    }
    return null;
  }

  #claimants(hostField: string): readonly Claimant[] {
    const remembered = this.#byHostField.get(hostField);
    if (remembered !== undefined) return remembered;
    const host = hostOf(hostField);
    const wildcard = host.replace(/^[^.]+/, "*");
    const found = [host, wildcard, ""].flatMap((name) => this.#byHost.get(name) ?? []);
    if (this.#byHostField.size >= REMEMBERED_MAX) this.#byHostField.clear();
    this.#byHostField.set(hostField, found);
    return found;
  }

  #compile(): void {
    const byHost = new Map<string, Claimant[]>();
    for (const [app, claim] of this.#claimsOf) {
      const tests = testsOf(claim);
      for (const { host, path } of placesOf(claim)) {
        const claimants = byHost.get(host) ?? [];
        claimants.push({ app, path, tests });
        byHost.set(host, claimants);
      }
    }
    for (const claimants of byHost.values()) claimants.sort(bySpecificity);
    this.#byHost = byHost;
    this.#byHostField.clear();
    const [first] = this.#claimsOf;
    this.#single = first !== undefined && this.#claimsOf.size === 1 ? first[0] : null;
    this.#owner = first !== undefined && isEverything(first[1]) ? this.#single : null;
  }
}

function isEverything(claim: Claim): boolean {
  return JSON.stringify(claim) === JSON.stringify(CLAIM_OF_EVERYTHING);
}

function testsOf({ headers, cookies }: Claim): readonly FieldTest[] {
  return [
    ...headers.map(({ name, value }) => headerTest(name, value)),
    ...cookies.map(({ name, value }) => cookieTest(name, value)),
  ];
}

function bySpecificity(a: Claimant, b: Claimant): number {
  return b.path.length - a.path.length || b.tests.length - a.tests.length || (a.app.name < b.app.name ? -1 : 1);
}

/** Nothing is decoded or normalised: what would be understood in another way there would be in another app's name here. */
function isUnder(target: string, prefix: string): boolean {
  if (prefix === "") return true;
  if (!target.startsWith(prefix)) return false;
  const next = target.charCodeAt(prefix.length);
  return target.length === prefix.length || next === SLASH || next === QUESTION_MARK;
}

/** A Host field without port and final dot, in small letters. */
function hostOf(field: string): string {
  const end = field.startsWith("[") ? field.indexOf("]") + 1 : field.indexOf(":");
  return (end > 0 ? field.slice(0, end) : field).replace(/\.$/, "").toLowerCase();
}
