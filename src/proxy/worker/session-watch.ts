import type { InstanceName, ReleaseName } from "../../base/names.ts";
import { addSessions, NO_SESSIONS, type SessionCounts, type SessionRoute } from "../../core/statelessness/session-routes.ts";
import { routePattern } from "./route-pattern.ts";
import { SessionCookies, type SeenSession } from "./session-cookies.ts";

/** So many requests of an app are looked at in a span: all of them at usual loads, and what it costs does not grow with the load. */
const LOOKS_MAX = 100;
const SPAN_MS = 100;
/** Sessions and routes that are remembered, of which the oldest are forgotten. */
const REMEMBERED_MAX = 10_000;
const ROUTES_MAX = 200;
/** Beyond that. */
const OTHER_ROUTES = "other routes";
/** How long what a node has accepted is worth remembering. */
const FRESH_MS = 120_000;

interface Asked {
  readonly method: string;
  readonly target: string;
  readonly forward: string;
}

interface Answered {
  readonly status: number;
  readonly forward: string;
}

/** By whom it was answered. */
export interface Answerer {
  readonly instance: InstanceName;
  readonly release: ReleaseName;
}

interface Keeper {
  readonly instance: InstanceName;
  readonly at: number;
  /** Of a route: when another node has lost the session. Of a session: when that happened first since it may have begun anew. */
  readonly lostAt?: number | undefined;
}

const REDIRECTS: ReadonlySet<number> = new Set([302, 303, 307]);
const TO_LOGIN = /\r\n[lL]ocation:[^\r]*(?:log-?in|sign-?in|auth|sso)/i;
const LOGIN = /log-?in|sign-?in|auth|sso/i;
const CREDENTIALS = /\r\nauthorization:/i;

/** Notices in one worker whether sessions are lost when another node gets their requests, route by route. */
export class SessionWatch {
  #cookies = new SessionCookies();
  /** Which node has set a cookie, and which one has accepted it on a route. */
  readonly #keepers = new Map<string, Keeper>();
  readonly #routes = new Set<string>();
  #counts = new Map<string, SessionRoute>();
  #looks = 0;
  #spanEnds = 0;
  #isOff = false;

  /** `names` undefined: as frameworks call them; none: nothing is looked at. */
  configure(names: readonly string[] | undefined): void {
    this.#isOff = names?.length === 0;
    this.#cookies = new SessionCookies(names);
  }

  /** `now`: milliseconds of any clock that only goes forward. */
  note(asked: Asked, answered: Answered, by: Answerer, now: number): void {
    if (this.#isOff || !this.#mayLook(now)) return;
    const carried = this.#cookies.carried(asked.forward);
    const set = this.#cookies.set(answered.forward);
    if (carried !== null) {
      const isReplaced = set !== null && !set.ends && set.name === carried.name && set.hash !== carried.hash;
      const isLost = isReplaced || isTurnedAway(answered);
      if (!isLost) this.#doubt(carried.hash, asked, answered);
      this.#judge({ carried, route: this.#routeOf(asked), isLost, by, now });
    }
    if (set?.ends === true && carried !== null) this.#keepers.delete(carried.hash);
    else if (set !== null && set.hash !== carried?.hash) this.#remember(set.hash, { instance: by.instance, at: now });
  }

  /** How many sessions, and routes of sessions, are known at the moment. */
  get remembered(): number {
    return this.#keepers.size;
  }

  isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  /** Hands over and begins anew. */
  take(): readonly SessionRoute[] {
    const counts = [...this.#counts.values()];
    this.#counts = new Map();
    return counts;
  }

  /** A session counts as lost once: who goes on with a cookie that is worth nothing says nothing new. A node that still accepts it after that does. */
  #judge(look: Look): void {
    const { carried, route, isLost, by, now } = look;
    const onRoute = `${carried.hash} ${route}`;
    const session = this.#keepers.get(carried.hash);
    const keeper = this.#keepers.get(onRoute) ?? (session?.lostAt === undefined ? session : undefined);
    if (keeper !== undefined && now - keeper.at <= FRESH_MS && isNews(keeper, session, look))
      this.#count(by.release, route, carried.name, outcomeOf(keeper, by, isLost));
    if (!isLost) this.#remember(onRoute, { instance: by.instance, at: now });
    else if (keeper !== undefined) this.#lose(onRoute, keeper, look);
  }

  #lose(onRoute: string, keeper: Keeper, { carried: { hash }, by, now }: Look): void {
    if (keeper.instance === by.instance) {
      this.#keepers.delete(hash);
      this.#keepers.delete(onRoute);
      return;
    }
    const session = this.#keepers.get(hash);
    this.#remember(onRoute, { ...keeper, lostAt: keeper.lostAt ?? now });
    this.#remember(hash, session?.lostAt === undefined ? { ...keeper, lostAt: now } : session);
  }

  /** Who logs in again, and has the same cookie as before, was not known to the own node all along: what was lost before that says nothing of it. */
  #doubt(hash: string, asked: Asked, answered: Answered): void {
    if (this.#keepers.get(hash)?.lostAt !== undefined && mayRenew(asked, answered)) this.#keepers.delete(hash);
  }

  #count(release: ReleaseName, route: string, cookie: string, counts: SessionCounts): void {
    const key = `${release} ${cookie} ${route}`;
    const known = this.#counts.get(key);
    this.#counts.set(key, { release, route, cookie, ...addSessions(known ?? NO_SESSIONS, counts) });
  }

  #remember(key: string, keeper: Keeper): void {
    this.#keepers.delete(key);
    this.#keepers.set(key, keeper);
    if (this.#keepers.size <= REMEMBERED_MAX) return;
    const oldest = this.#keepers.keys().next();
    if (oldest.done !== true) this.#keepers.delete(oldest.value);
  }

  #routeOf({ method, target }: Asked): string {
    const route = routePattern(method, target);
    if (this.#routes.has(route)) return route;
    if (this.#routes.size >= ROUTES_MAX) return OTHER_ROUTES;
    this.#routes.add(route);
    return route;
  }

  #mayLook(now: number): boolean {
    if (now >= this.#spanEnds) {
      this.#spanEnds = now + SPAN_MS;
      this.#looks = 0;
    }
    this.#looks += 1;
    return this.#looks <= LOOKS_MAX;
  }
}

interface Look {
  readonly carried: SeenSession;
  readonly route: string;
  readonly isLost: boolean;
  readonly by: Answerer;
  readonly now: number;
}

function isTurnedAway({ status, forward }: Answered): boolean {
  return status === 401 || (REDIRECTS.has(status) && TO_LOGIN.test(forward));
}

/** Whether a request can be a login: one that changes something, leads on (as from a provider of identities), is called so or brings credentials of its own. */
function mayRenew({ method, target, forward }: Asked, { status }: Answered): boolean {
  const leadsOn = status >= 300 && status < 400 && status !== 304;
  return (method !== "GET" && method !== "HEAD") || leadsOn || LOGIN.test(target) || CREDENTIALS.test(forward);
}

/** After a loss: that the session is accepted, unless it may have begun anew since. */
function isNews({ lostAt }: Keeper, session: Keeper | undefined, { isLost }: Look): boolean {
  if (lostAt === undefined) return true;
  return !isLost && session?.lostAt !== undefined && lostAt >= session.lostAt;
}

function outcomeOf(keeper: Keeper, { instance }: Answerer, isLost: boolean): SessionCounts {
  const lost = isLost ? 1 : 0;
  return keeper.instance === instance ? { ...NO_SESSIONS, own: 1, ownLost: lost } : { ...NO_SESSIONS, other: 1, otherLost: lost };
}
