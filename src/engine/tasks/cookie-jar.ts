/** The cookies of one walk on one site: what answers set is sent from then on, until it is taken back. */
export class CookieJar {
  readonly #cookies: Map<string, string>;

  constructor(first: Readonly<Record<string, string>>) {
    this.#cookies = new Map(Object.entries(first));
  }

  /** `fields` are values of Set-Cookie. */
  keep(fields: readonly string[]): void {
    for (const field of fields) {
      const [pair = "", ...attributes] = field.split(";");
      const cut = pair.indexOf("=");
      if (cut <= 0) continue;
      const name = pair.slice(0, cut).trim();
      if (attributes.some(isOver)) this.#cookies.delete(name);
      else this.#cookies.set(name, pair.slice(cut + 1).trim());
    }
  }

  header(): { cookie?: string } {
    if (this.#cookies.size === 0) return {};
    return { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
  }
}

/** Max-Age=0 or a date in the past takes a cookie back (RFC 6265, section 5.2). */
function isOver(attribute: string): boolean {
  const [name = "", value = ""] = attribute.split("=", 2).map((part) => part.trim().toLowerCase());
  if (name === "max-age") return Number(value) <= 0;
  return name === "expires" && new Date(value).getTime() < LONG_AGO;
}

/** Those who take a cookie back give 1970. Later dates depend on the clock, which says nothing in a walk of minutes. */
const LONG_AGO = Date.UTC(2000, 0);
