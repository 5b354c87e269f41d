import type { InstanceName } from "../../base/names.ts";
import type { JourneyRequest } from "../task.ts";
import { COOKIES_SET, cookieNames, featuresOf, STATUS, type Features } from "./features.ts";
import type { Visit, Walk, WalkKind } from "./walk.ts";

/** A request whose answer depends on the node that it goes to. */
export interface Finding {
  /** From 1. */
  readonly request: number;
  readonly method: string;
  /** As the journey has it. */
  readonly path: string;
  readonly kind: WalkKind;
  readonly node: InstanceName;
  /** What the answer has instead of what it always has on one node. */
  readonly differences: readonly string[];
  /** Cookies that another node had set or knows, as far as they may have to do with it; `again`: this node has set them anew. */
  readonly cookies: readonly { readonly name: string; readonly from: InstanceName; readonly again: boolean }[];
  /** The last request before it that another node was told something by. */
  readonly after: { readonly method: string; readonly path: string; readonly node: InstanceName } | null;
}

const DIFFERENCES_MAX = 5;
const SHOWN_MAX = 100;
const SAFE = ["GET", "HEAD", "OPTIONS"];
/** As to somebody who is not logged in; redirects lead to where one can. */
const TURNED_AWAY: ReadonlySet<number> = new Set([301, 302, 303, 307, 401, 403]);

/** What the walks on one node each have in common, request by request: parts that were there every time, and the same. */
export class Usual {
  readonly #requests: readonly JourneyRequest[];
  readonly #stable: readonly Features[];

  constructor(requests: readonly JourneyRequest[], pinned: readonly Walk[]) {
    this.#requests = requests;
    this.#stable = requests.map((_, index) => common(pinned.flatMap(({ visits }) => visits[index] ?? [])));
  }

  /** The first request of the walk that was answered otherwise; what comes after it may be its consequence. */
  finding(walk: Walk): Finding | null {
    for (const [index, visit] of walk.visits.entries()) {
      const request = this.#requests[index];
      const differences = this.#differences(index, visit);
      if (request === undefined || differences.length === 0) continue;
      const { method, path } = request;
      const about = { cookies: cookiesOf(visit, differences), after: this.#after(walk, index) };
      const texts = differences.map(({ text }) => text);
      return { request: index + 1, method, path, kind: walk.kind, node: visit.node, differences: shortened(texts), ...about };
    }
    return null;
  }

  #differences(index: number, { answer }: Visit): readonly Difference[] {
    const seen = featuresOf(answer);
    return [...(this.#stable[index] ?? [])].flatMap(([part, usual]) => {
      const here = seen.get(part);
      return here === usual ? [] : [{ part, text: `${part}: ${shown(here)} instead of ${shown(usual)}` }];
    });
  }

  #after({ visits }: Walk, index: number): Finding["after"] {
    const node = visits[index]?.node;
    const before = visits.slice(0, index).map((visit, at) => ({ node: visit.node, request: this.#requests[at] }));
    const last = before.findLast((visit) => visit.node !== node && !SAFE.includes(visit.request?.method ?? "GET"));
    return last?.request === undefined ? null : { method: last.request.method, path: last.request.path, node: last.node };
  }
}

interface Difference {
  readonly part: string;
  readonly text: string;
}

/** Requests whose status is not the same each time on the very same node: nothing can be said of them. */
export function unsteadyRequests(requests: readonly JourneyRequest[], pinned: readonly Walk[]): readonly string[] {
  return requests.flatMap(({ method, path }, index) => {
    const byNode = Map.groupBy(
      pinned.flatMap(({ visits }) => visits[index] ?? []),
      ({ node }) => node,
    );
    const seen = [...byNode.values()].map((visits) => [...new Set(visits.map(({ answer }) => statusOf(answer)))]);
    const varying = seen.find((statuses) => statuses.length > 1);
    return varying === undefined ? [] : [`${method} ${path} is answered ${varying.join(" and ")} by one and the same node`];
  });
}

/** Where nodes that each answer in the same way every time differ from one another in the status. */
export function boundRequests(requests: readonly JourneyRequest[], pinned: readonly Walk[]): readonly Finding[] {
  return requests.flatMap((request, index) => {
    const visits = pinned.flatMap((walk) => walk.visits[index] ?? []);
    return boundFinding({ request, index, visits, isCompared: (part) => part === STATUS }) ?? [];
  });
}

interface Bound {
  readonly request: JourneyRequest;
  readonly index: number;
  /** On one node at a time. */
  readonly visits: readonly Visit[];
  readonly isCompared: (part: string) => boolean;
}

/** Null where no two nodes differ in what each of them always answers. */
export function boundFinding({ request, index, visits, isCompared }: Bound): Finding | null {
  const [usual, ...others] = [...Map.groupBy(visits, ({ node }) => node).values()];
  for (const other of others) {
    const [stable, here] = [common(usual ?? []), common(other)];
    const parts = [...stable].filter(([part, value]) => isCompared(part) && here.has(part) && here.get(part) !== value);
    const [first, visit] = [usual?.[0], other[0]];
    if (parts.length === 0 || first === undefined || visit === undefined) continue;
    const differences = parts.map(
      ([part, value]) => `${part}: ${shown(here.get(part))} instead of ${shown(value)} as on ${first.node}`,
    );
    const { method, path } = request;
    const cookies = TURNED_AWAY.has(visit.answer?.status ?? 0) ? cookiesOfRequest(request, first.node) : [];
    return { request: index + 1, method, path, kind: "pinned", node: visit.node, differences, cookies, after: null };
  }
  return null;
}

/** Those that it has by itself, which the node knows that takes it. */
function cookiesOfRequest({ headers }: JourneyRequest, from: InstanceName): Finding["cookies"] {
  const pairs = (headers["cookie"] ?? "").split(";").map((pair) => pair.trim());
  return pairs.filter((pair) => pair !== "").map((pair) => ({ name: pair.split("=", 1)[0] ?? "", from, again: false }));
}

function common(visits: readonly Visit[]): Features {
  const [first, ...others] = visits.map(({ answer }) => featuresOf(answer));
  return new Map([...(first ?? [])].filter(([part, value]) => others.every((features) => features.get(part) === value)));
}

/** Those that were set anew; else, where the request was turned away, those that it carried from other nodes. */
function cookiesOf({ node, answer, carried }: Visit, differences: readonly Difference[]): Finding["cookies"] {
  const foreign = carried.filter(({ from }) => from !== node);
  const set = differences.some(({ part }) => part === COOKIES_SET) ? cookieNames(answer?.headers["set-cookie"] ?? []) : [];
  const again = foreign.filter(({ cookie }) => set.includes(cookie));
  if (again.length > 0) return again.map(({ cookie, from }) => ({ name: cookie, from, again: true }));
  const isTurnedAway = differences.some(({ part }) => part === STATUS) && TURNED_AWAY.has(answer?.status ?? 0);
  return isTurnedAway ? foreign.map(({ cookie, from }) => ({ name: cookie, from, again: false })) : [];
}

function statusOf(answer: Visit["answer"]): string {
  return answer === null ? "none" : String(answer.status);
}

function shortened(texts: readonly string[]): readonly string[] {
  if (texts.length <= DIFFERENCES_MAX) return texts;
  return [...texts.slice(0, DIFFERENCES_MAX), `and ${String(texts.length - DIFFERENCES_MAX)} more`];
}

function shown(value: string | undefined): string {
  if (value === undefined || value === "") return "nothing";
  return value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value;
}
