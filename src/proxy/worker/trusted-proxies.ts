import { BlockList, isIP } from "node:net";

/** Answers that are remembered; what is asked is mostly the same few addresses. */
const REMEMBERED_MAX = 1_024;

/** The addresses whose word is taken on where a request came from. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #known = new Map<string, boolean>();

  /** Addresses, and ranges such as `10.0.0.0/8`. */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const [address = "", bits] = range.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  /** An IPv4 address may come as `::ffff:10.0.0.1`. False for what is no address. */
  has(address: string): boolean {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const family = isIP(address);
    const trusted = family !== 0 && this.#list.check(address, family === 6 ? "ipv6" : "ipv4");
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(address, trusted);
    return trusted;
  }

  /**
   * The client at the beginning of a chain of trusted proxies: going back from the nearest one, the first that is not trusted. Whoever is
   * not trusted could have written anything before itself, so that is not looked at.
   */
  clientOf(peer: string, forwardedFor: string): string {
    let client = peer;
    for (const entry of forwardedFor.split(",").reverse()) {
      if (!this.has(client)) break;
      const address = addressOf(entry.trim());
      if (address === null) break;
      client = address;
    }
    return client;
  }
}

/** Null for nobody in particular. */
export function trustedIn(ranges: readonly string[]): TrustedProxies | null {
  return ranges.length === 0 ? null : new TrustedProxies(ranges);
}

/** Of `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1` or `[2001:db8::1]:567`. */
function addressOf(entry: string): string | null {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry;
  return isIP(bare) === 0 ? null : bare;
}
