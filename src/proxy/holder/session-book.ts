import { addSessions, NO_SESSIONS, type SessionRoute } from "../../core/statelessness/session-routes.ts";

/** Routes of all releases that are kept; the ones that came first go first. */
const KEPT_MAX = 500;

/** What became of sessions, by release and route, over all workers. */
export class SessionBook {
  readonly #routes = new Map<string, SessionRoute>();

  add(routes: readonly SessionRoute[]): void {
    for (const { release, route, cookie, ...counts } of routes) {
      const key = `${release} ${cookie} ${route}`;
      this.#routes.set(key, { release, route, cookie, ...addSessions(this.#routes.get(key) ?? NO_SESSIONS, counts) });
    }
    for (const key of [...this.#routes.keys()].slice(0, Math.max(0, this.#routes.size - KEPT_MAX))) this.#routes.delete(key);
  }

  all(): readonly SessionRoute[] {
    return [...this.#routes.values()];
  }
}
