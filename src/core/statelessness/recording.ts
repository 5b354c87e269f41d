import type { JourneyRequest } from "../task.ts";
import { COOKIES_SET, STATUS } from "./features.ts";
import { boundFinding, unsteadyRequests, type Finding } from "./judge.ts";
import type { Walk } from "./walk.ts";

/** A live request that may be made again, as far as the application looks at it. It holds cookies: it is kept in memory alone, and is never shown. */
export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  /** By small-letter name. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Requests of all workers that are kept, and of one route. */
export const RECORDED_MAX = 100;
export const RECORDED_OF_ROUTE_MAX = 5;

/** As a journey: each request with the cookies it came with, whatever comes before it. */
export function journeyOfRecording(recorded: readonly RecordedRequest[]): readonly JourneyRequest[] {
  return recorded
    .slice(0, RECORDED_MAX)
    .map(({ method, target, headers }) => ({ method, path: target, headers, body: null, expect: {}, capture: {} }));
}

/** Names of nodes are in many bodies: of these only the size is compared. */
const COMPARED = /^(?:location|body.* \((?:words|entries)\)$)/;

/**
 * What the walks on one node each say of recorded requests, which know nothing of one another. `left`: those that one node does not answer alike
 * each time; nothing can be said of them.
 */
export function judgeRecording(
  requests: readonly JourneyRequest[],
  pinned: readonly Walk[],
): { readonly findings: readonly Finding[]; readonly left: readonly string[] } {
  const seen = requests.map((request, index) => ({
    request,
    index,
    visits: pinned.flatMap(({ visits }) => visits[index] ?? []),
  }));
  const left = seen.flatMap(({ request, visits }) =>
    unsteadyRequests(
      [request],
      visits.map((visit) => ({ kind: "pinned", visits: [visit] })),
    ),
  );
  const findings = seen.flatMap((one) => boundFinding({ ...one, isCompared }) ?? []);
  return { findings, left };
}

function isCompared(part: string): boolean {
  return part === STATUS || part === COOKIES_SET || COMPARED.test(part);
}
