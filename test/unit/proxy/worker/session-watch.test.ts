import fc from "fast-check";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { createRng, type Rng } from "../../../../src/base/rng.ts";
import { nodeBound, type SessionRoute } from "../../../../src/core/statelessness/session-routes.ts";
import { SessionBook } from "../../../../src/proxy/holder/session-book.ts";
import { routePattern } from "../../../../src/proxy/worker/route-pattern.ts";
import { SessionWatch } from "../../../../src/proxy/worker/session-watch.ts";

const request = (target: string, cookie: string | null) => ({
  method: "GET",
  target,
  forward: `GET ${target} HTTP/1.1\r\nHost: shop\r\n${cookie === null ? "" : `Cookie: theme=dark; ${cookie}\r\n`}`,
});
const answer = (status: number, ...fields: readonly string[]) => ({
  status,
  forward: ["HTTP/1.1 200 OK", "Content-Type: text/html", ...fields, ""].join("\r\n"),
});
const by = (instance: string) => ({ instance, release: "r1" });
const LOGIN = answer(200, "Set-Cookie: sid=one; Path=/; HttpOnly");

/** What is counted of one look after the session was set by `a` and accepted there. */
function afterLogin(node: string, answered: ReturnType<typeof answer>, cookie = "sid=one"): Partial<SessionRoute> | undefined {
  const watch = new SessionWatch();
  watch.note(request("/login", null), LOGIN, by("a"), 0);
  watch.note(request("/me", cookie), answered, by(node), 1);
  return watch.take()[0];
}

describe("one session", () => {
  test("is kept or lost on its own node or on another one", () => {
    expect(afterLogin("a", answer(200))).toMatchObject({ route: "GET /me", cookie: "sid", own: 1, ownLost: 0, other: 0 });
    expect(afterLogin("b", answer(200))).toMatchObject({ own: 0, other: 1, otherLost: 0 });
    expect(afterLogin("b", answer(404))).toMatchObject({ other: 1, otherLost: 0 });
    expect(afterLogin("b", answer(401))).toMatchObject({ other: 1, otherLost: 1 });
    expect(afterLogin("b", answer(302, "Location: /accounts/login?next=/me"))).toMatchObject({ other: 1, otherLost: 1 });
    expect(afterLogin("b", answer(302, "Location: /orders/5"))).toMatchObject({ other: 1, otherLost: 0 });
    expect(afterLogin("b", answer(200, "set-cookie: sid=two; Path=/"))).toMatchObject({ other: 1, otherLost: 1 });
  });

  test("may be set again as it is, and ended", () => {
    expect(afterLogin("b", answer(200, "Set-Cookie: sid=one; Path=/"))).toMatchObject({ other: 1, otherLost: 0 });
    expect(afterLogin("b", answer(200, "Set-Cookie: sid=; Max-Age=0"))).toMatchObject({ other: 1, otherLost: 0 });
  });

  test("is the same over HTTP/2, where names of fields have small letters", () => {
    const watch = new SessionWatch();
    watch.note(request("/login", null), answer(200, "set-cookie: sid=one; path=/"), by("a"), 0);
    const asked = request("/me", "sid=one");
    watch.note({ ...asked, forward: asked.forward.replace("Cookie:", "cookie:") }, answer(401), by("b"), 1);
    expect(watch.take()).toMatchObject([{ other: 1, otherLost: 1 }]);
  });

  test("of another kind of cookie, or one that nobody has set, is not counted", () => {
    expect(afterLogin("b", answer(401), "inside=one")).toBeUndefined();
    expect(afterLogin("b", answer(401), "sid=unknown")).toBeUndefined();
  });

  test("is lost once: who goes on with a worthless cookie says nothing new", () => {
    const watch = new SessionWatch();
    watch.note(request("/login", null), LOGIN, by("a"), 0);
    for (let at = 1; at < 20; at += 1) watch.note(request("/me", "sid=one"), answer(401), by("b"), at);
    expect(watch.take()).toMatchObject([{ other: 1, otherLost: 1 }]);
  });

  test("that was seen long ago says nothing", () => {
    const watch = new SessionWatch();
    watch.note(request("/login", null), LOGIN, by("a"), 0);
    watch.note(request("/me", "sid=one"), answer(401), by("b"), 600_000);
    expect(watch.isEmpty()).toBe(true);
  });
});

/** Requests of one client after another: what is asked with which cookie, of which node, and what it says. */
interface Step {
  readonly at: string;
  readonly ask: string;
  readonly says: ReturnType<typeof answer>;
  readonly method?: string;
  readonly fields?: string;
}

/** What is counted when so many sessions go the same way, each with a cookie of its own. */
function walked(rounds: number, way: readonly Step[]): readonly SessionRoute[] {
  const watch = new SessionWatch();
  let now = 0;
  for (let round = 0; round < rounds; round += 1) {
    const cookie = `sid=${String(round)}`;
    watch.note(request("/login", null), answer(200, `Set-Cookie: ${cookie}; Path=/`), by("a"), (now += 10));
    for (const { at, ask, says, method = "GET", fields = "" } of way) {
      const asked = request(ask, cookie);
      watch.note({ ...asked, method, forward: asked.forward + fields }, says, by(at), (now += 10));
    }
  }
  return watch.take();
}

const OK = answer(200);
const STRANGER = answer(401);
const me = (at: string, says: ReturnType<typeof answer>): Step => ({ at, ask: "/me", says });

describe("the next request goes to the next node, and", () => {
  const LOST_ON_B = me("b", STRANGER);

  test("sessions that live in one node are noticed: it knows them still after another one has lost them", () => {
    const counts = walked(20, [LOST_ON_B, me("a", OK)]);
    expect(counts).toMatchObject([{ route: "GET /me", own: 20, ownLost: 0, other: 20, otherLost: 20 }]);
    expect(nodeBound(counts)).toHaveLength(1);
  });

  test("so they are when several routes are asked in turn, with assets between them", () => {
    const page = { at: "b", ask: "/page", says: answer(302, "Location: /login") };
    const asset = { at: "a", ask: "/logo", says: answer(304) };
    const counts = walked(20, [
      LOST_ON_B,
      asset,
      page,
      me("a", OK),
      { at: "b", ask: "/logo", says: OK },
      { ...page, at: "a", says: OK },
    ]);
    expect(nodeBound(counts)).toMatchObject([{ route: "GET /me", own: 20, ownLost: 0, otherLost: 20 }]);
  });

  test("a session is lost again after its own node has shown that it lives", () => {
    expect(walked(1, [LOST_ON_B, LOST_ON_B, me("a", OK), LOST_ON_B, me("a", OK), me("a", OK)])).toMatchObject([
      { own: 3, ownLost: 0, other: 2, otherLost: 2 },
    ]);
  });

  test("one that has expired, or whose own node was started again, is lost once", () => {
    const counts = walked(20, [LOST_ON_B, me("a", STRANGER), LOST_ON_B, me("a", STRANGER)]);
    expect(counts).toMatchObject([{ own: 0, ownLost: 0, other: 20, otherLost: 20 }]);
    expect(nodeBound(counts)).toEqual([]);
  });

  test("one that has lapsed on both says nothing when it is accepted after that", () => {
    expect(walked(1, [LOST_ON_B, me("a", STRANGER), me("a", OK)])).toMatchObject([
      { own: 0, ownLost: 0, other: 1, otherLost: 1 },
    ]);
  });

  test("one that every node knows again is kept on every node", () => {
    expect(walked(1, [LOST_ON_B, me("b", OK)])).toMatchObject([{ own: 0, other: 2, otherLost: 1 }]);
  });

  test("what the own node said long ago is forgotten", () => {
    const watch = new SessionWatch();
    watch.note(request("/login", null), LOGIN, by("a"), 0);
    watch.note(request("/me", "sid=one"), STRANGER, by("b"), 1);
    watch.note(request("/me", "sid=one"), OK, by("a"), 600_000);
    expect(watch.take()).toMatchObject([{ own: 0, other: 1, otherLost: 1 }]);
  });

  const renewals: Readonly<Record<string, readonly Step[]>> = {
    "logs in again with the same cookie": [{ at: "a", ask: "/login", method: "POST", says: OK }, me("a", OK)],
    "comes back from a provider of identities": [
      { at: "a", ask: "/callback?code=1", says: answer(302, "Location: /me") },
      me("a", OK),
    ],
    "logs in by a link": [{ at: "a", ask: "/login?token=1", says: OK }, me("a", OK)],
    "logs in at another node": [{ at: "b", ask: "/login", method: "POST", says: OK }, me("a", OK)],
    "brings credentials": [{ ...me("a", OK), fields: "authorization: Basic YTpi\r\n" }],
  };

  test.each(Object.entries(renewals))("who logs out and %s was not known to the own node all along", (_, renewal) => {
    const logout: Step = { at: "b", ask: "/logout", method: "POST", says: OK };
    const counts = walked(40, [logout, { at: "a", ask: "/logo", says: OK }, LOST_ON_B, ...renewal]);
    const ofPage = counts.filter(({ route }) => route === "GET /me");
    expect(ofPage).toMatchObject([{ own: 0, otherLost: 40 }]);
    expect(nodeBound(counts)).toEqual([]);
  });

  test("a form that is refused and then accepted is no session that was lost and found", () => {
    const form = { ask: "/form", method: "POST" };
    expect(
      walked(40, [
        { ...form, at: "b", says: STRANGER },
        { ...form, at: "a", says: OK },
      ]),
    ).toMatchObject([{ own: 0, otherLost: 40 }]);
  });

  test("a login again makes nothing of what was lost before it, though another route is lost after it", () => {
    const page = { at: "b", ask: "/page", says: STRANGER };
    const login = { at: "a", ask: "/login", method: "POST", says: OK };
    const counts = walked(1, [
      { ...page, at: "a", says: OK },
      LOST_ON_B,
      login,
      page,
      me("a", OK),
      { ...page, at: "a", says: OK },
    ]);
    expect(counts.find(({ route }) => route === "GET /me")).toMatchObject({ own: 0, otherLost: 1 });
    expect(counts.find(({ route }) => route === "GET /page")).toMatchObject({ own: 2, otherLost: 1 });
  });
});

test("names are those that frameworks give, or the configured ones; none turns it off", () => {
  const names = ["connect.sid", "sessionid", "JSESSIONID", "PHPSESSID", "ASP.NET_SessionId", "_shop_session", "laravel_session"];
  const seen = (watch: SessionWatch, name: string): boolean => {
    watch.note(request("/login", null), answer(200, `Set-Cookie: ${name}=x; Path=/`), by("a"), 0);
    watch.note(request("/", `${name}=x`), answer(200), by("a"), 1);
    return watch.take().length > 0;
  };
  expect(names.filter((name) => !seen(new SessionWatch(), name))).toEqual([]);
  const own = new SessionWatch();
  own.configure(["tic(ket"]);
  expect([seen(own, "tic(ket"), seen(own, "sid")]).toEqual([true, false]);
  own.configure([]);
  expect(seen(own, "tic(ket")).toBe(false);
});

test("values are nowhere in what is kept or handed over", () => {
  const watch = new SessionWatch();
  watch.note(request("/login", null), answer(200, "Set-Cookie: sid=s3cret-value"), by("a"), 0);
  watch.note(request("/me", "sid=s3cret-value"), answer(401), by("b"), 1);
  expect(watch.remembered).toBe(2);
  expect(inspect(watch, { depth: 9, showHidden: true })).not.toContain("s3cret");
  expect(JSON.stringify(watch.take())).not.toContain("s3cret");
});

test("sessions and routes are bounded, and so are the requests that are looked at", () => {
  const watch = new SessionWatch();
  for (let user = 0; user < 30_000; user += 1) {
    const target = `/${"abcdefghij"[user % 10] ?? ""}${"klmnopqrst"[Math.floor(user / 10) % 10] ?? ""}${"uvwxyz"[Math.floor(user / 100) % 6] ?? ""}`;
    watch.note(request(target, `sid=${String(user)}`), answer(200), by("a"), user * 10);
    watch.note(request(target, `sid=${String(user)}`), answer(200), by("a"), user * 10);
  }
  expect(watch.remembered).toBe(10_000);
  expect(watch.take()).toHaveLength(201);
  for (let look = 0; look < 1_000; look += 1) watch.note(request("/abc", "sid=29999"), answer(200), by("a"), 300_000);
  expect(watch.take()[0]?.own).toBeLessThanOrEqual(100);
});

test("routes have names where numbers and names were", () => {
  expect(routePattern("GET", "/orders/17/lines?x=1")).toBe("GET /orders/*/lines");
  expect(routePattern("GET", "/")).toBe("GET /");
  expect(routePattern("PUT", "/files/4d3f/a%20b/abcdefghijklmnopqrstuvwxyz/five/six")).toBe("PUT /files/*/*/*/five/…");
});

/** A site with several nodes behind a proxy with several workers, and users who ask whichever for their page or for what needs no session. */
class WatchedSite {
  readonly #rng: Rng;
  readonly #nodes: readonly { readonly name: string; readonly sessions: Set<string> }[];
  readonly #watches: readonly SessionWatch[];
  readonly #users = Array.from({ length: 30 }, () => ({ cookie: "sid=none" }));
  /** Every answer brings another cookie. */
  readonly #rotates: boolean;
  #issued = 0;

  constructor(seed: number, { shares, rotates }: { readonly shares: boolean; readonly rotates: boolean }) {
    const rng = createRng(seed);
    const shared = new Set<string>();
    this.#rng = rng;
    this.#rotates = rotates;
    this.#nodes = Array.from({ length: rng.between(2, 6) }, (_, index) => ({
      name: String(index),
      sessions: shares ? shared : new Set<string>(),
    }));
    this.#watches = Array.from({ length: rng.between(1, 4) }, () => new SessionWatch());
  }

  /** What is said after so many requests. */
  bound(requests: number): readonly SessionRoute[] {
    for (let at = 0; at < requests; at += 1) this.#visit(at * 7);
    const book = new SessionBook();
    for (const watch of this.#watches) book.add(watch.take());
    return nodeBound(book.all());
  }

  #visit(now: number): void {
    const [user, node, watch] = [this.#one(this.#users), this.#one(this.#nodes), this.#one(this.#watches)];
    const asked = request(this.#rng.chance(0.3) ? "/asset" : "/me", user.cookie);
    const isKnown = node.sessions.has(user.cookie);
    const isTurnedAway = asked.target === "/me" && !isKnown;
    if (this.#rng.chance(0.02)) node.sessions.delete(user.cookie);
    const set = isTurnedAway || (isKnown && this.#rotates) ? [`Set-Cookie: ${this.#issue(user, node.sessions)}`] : [];
    watch.note(asked, answer(isTurnedAway && this.#rng.chance(0.5) ? 401 : 200, ...set), by(node.name), now);
  }

  #issue(user: { cookie: string }, sessions: Set<string>): string {
    this.#issued += 1;
    user.cookie = `sid=${String(this.#issued)}`;
    sessions.add(user.cookie);
    return user.cookie;
  }

  #one<T>(items: readonly T[]): T {
    return this.#rng.pick(items as readonly [T, ...T[]]);
  }
}

test("a stateless site is never said to lose sessions, whatever it does with them; one with sessions in memory always is", () => {
  fc.assert(
    fc.property(fc.nat(), fc.boolean(), (seed, rotates) => {
      expect(new WatchedSite(seed, { shares: true, rotates }).bound(3_000)).toEqual([]);
      expect(new WatchedSite(seed, { shares: false, rotates: false }).bound(3_000)).toMatchObject([
        { route: "GET /me", cookie: "sid" },
      ]);
    }),
    { numRuns: 12 },
  );
});
