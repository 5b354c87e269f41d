import type { ReleaseName } from "../../base/names.ts";
import { hypergeometric, logSum } from "../judging/hypergeometric.ts";

/**
 * Requests that carried a session cookie, by what the node had to do with it: `own` went to the node that had set the cookie or accepted it on
 * this route before, `other` to another one. Lost: answered as to a stranger, by 401, by the way to a login or by another cookie of that name.
 */
export interface SessionCounts {
  readonly own: number;
  readonly ownLost: number;
  readonly other: number;
  readonly otherLost: number;
}

export interface SessionRoute extends SessionCounts {
  /** Of the node that answered. */
  readonly release: ReleaseName;
  /** Method and path, with `*` where names and numbers were. */
  readonly route: string;
  /** The cookie's name. */
  readonly cookie: string;
}

export const NO_SESSIONS: SessionCounts = { own: 0, ownLost: 0, other: 0, otherLost: 0 };

/** Fewer are no reason to alarm anybody. */
const LOST_MIN = 5;
const OWN_MIN = 5;
/** How likely it may be that chance alone loses so many sessions on other nodes: there are many routes, and one looks often. */
const CHANCE_MAX = Math.log(1e-6);

/**
 * Those where a session is lost because of the node: more often on other nodes than on its own by far more than chance allows (Fisher's exact
 * test). Where sessions end, expire or change at every answer, they do so on every node alike, and nothing is said.
 */
export function nodeBound(routes: readonly SessionRoute[]): readonly SessionRoute[] {
  return routes.filter(isNodeBound).toSorted((a, b) => b.otherLost - a.otherLost);
}

export function addSessions(a: SessionCounts, b: SessionCounts): SessionCounts {
  return {
    own: a.own + b.own,
    ownLost: a.ownLost + b.ownLost,
    other: a.other + b.other,
    otherLost: a.otherLost + b.otherLost,
  };
}

function isNodeBound({ own, ownLost, other, otherLost }: SessionCounts): boolean {
  if (otherLost < LOST_MIN || own < OWN_MIN || otherLost * own <= ownLost * other) return false;
  const { from, logs } = hypergeometric(own, other, ownLost + otherLost);
  return logSum(logs.slice(otherLost - from)) - logSum(logs) < CHANCE_MAX;
}
