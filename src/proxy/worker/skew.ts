import type { ReleaseName } from "../../base/names.ts";
import type { SkewSpec } from "../../core/routing.ts";
import { cohortCookie, knownClient, newClient, type Cohort } from "./cohort.ts";
import { cookieValues } from "./head-fields.ts";
import type { ReleaseSeal, Sealed } from "./release-seal.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

/** What the answer is for (Fetch Metadata, section 2.1). */
const DESTINATION = /\r\nsec-fetch-dest:[\t ]*([a-z-]*)/i;
/** Of clients that do not say it, a page is what is asked for as HTML. */
const WANTS_HTML = /\r\naccept:[^\r]*text\/html/i;
const IS_HTML = /\r\ncontent-type:[\t ]*text\/html/i;
const RELEASE = /^[\w.+-]{1,64}$/;

/**
 * Keeps the requests of a page on the release that has served the page (version skew protection). A request names the release in a field or
 * in a parameter of its target, or its cookie says which release served the last document; documents themselves may come from any release.
 */
export class Skew {
  readonly #spec: SkewSpec;
  readonly #app: string;
  readonly #seal: ReleaseSeal;
  readonly #fields: readonly RegExp[];
  readonly #parameter: RegExp;

  constructor(spec: SkewSpec, app: string, seal: ReleaseSeal) {
    this.#spec = spec;
    this.#app = app;
    this.#seal = seal;
    this.#fields = spec.headers.map((name) => new RegExp(`\\r\\n${name}:[\\t ]*([^\\r]*?)[\\t ]*\\r\\n`, "i"));
    this.#parameter = new RegExp(`[?&]${spec.parameter}=([^&#]*)`);
  }

  /** `secure`: the client came over TLS. */
  read(head: RequestHead, secure: boolean): SkewedRequest {
    const isDocument = asksForDocument(head);
    const cookies = cookieValues(head.forward, this.#spec.cookie);
    const known = cookies.map((value) => this.#seal.read(this.#app, value)).find((sealed) => sealed !== null) ?? null;
    // A form that is sent belongs to the page that it was on.
    const isFree = isDocument && (head.method === "GET" || head.method === "HEAD");
    const asked = this.#named(head) ?? (isFree ? null : (known?.release ?? null));
    const client = known?.client ?? knownClient(cookies);
    return new SkewedRequest({
      asked,
      isDocument,
      client,
      latest: known?.release ?? null,
      cookie: (sealed) => this.#cookie(sealed, secure),
    });
  }

  #named({ forward, target }: RequestHead): ReleaseName | null {
    const named = [...this.#fields.map((field) => field.exec(forward)?.[1]), this.#parameter.exec(target)?.[1]];
    return named.find((name) => name !== undefined && RELEASE.test(name)) ?? null;
  }

  #cookie(sealed: Sealed, secure: boolean): string {
    return cohortCookie(this.#spec.cookie, this.#seal.write(this.#app, sealed), secure);
  }
}

interface SkewedParts {
  readonly asked: ReleaseName | null;
  readonly isDocument: boolean;
  /** As which it is known from other clients; null: not yet. */
  readonly client: string | null;
  /** Which release has served its last document, as its cookie says. */
  readonly latest: ReleaseName | null;
  /** The field that sets the cookie. */
  readonly cookie: (sealed: Sealed) => string;
}

/** What one request says of releases, and what its answer says. */
export class SkewedRequest {
  readonly #parts: SkewedParts;

  constructor(parts: SkewedParts) {
    this.#parts = parts;
  }

  /** The release whose page sends it; null: any may serve it. */
  get asked(): ReleaseName | null {
    return this.#parts.asked;
  }

  /** `served`: the release that has answered. `cohort`: by what the client was told from others, if it was. */
  fields(answer: ResponseHead, served: ReleaseName, cohort: Cohort | null): string {
    const { asked, isDocument, client, latest, cookie } = this.#parts;
    const skew = asked === null || asked === served ? "" : `X-Hitless-Skew: ${asked}\r\n`;
    const said = `X-Hitless-Release: ${served}\r\n${skew}`;
    const drawn = cohort === null || cohort.fields === "" ? null : cohort;
    if (!isDocument || !IS_HTML.test(answer.forward)) return said + (drawn?.fields ?? "");
    return latest === served ? said : said + cookie({ client: drawn?.value ?? client ?? newClient(), release: served });
  }
}

function asksForDocument({ forward }: RequestHead): boolean {
  const destination = DESTINATION.exec(forward)?.[1];
  return destination === undefined ? WANTS_HTML.test(forward) : destination.toLowerCase() === "document";
}
