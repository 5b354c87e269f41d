import { createRng } from "../../base/rng.ts";
import { pinnedAssignments, spreadAssignments } from "../../core/statelessness/assignments.ts";
import { boundRequests, unsteadyRequests, Usual, type Finding } from "../../core/statelessness/judge.ts";
import type { StatelessnessOutcome } from "../../core/statelessness/outcome.ts";
import type { Walk, WalkKind } from "../../core/statelessness/walk.ts";
import type { JourneyRequest } from "../../core/task.ts";
import type { WalkPorts } from "./node-walk.ts";
import type { Verification } from "./verification.ts";
import { Walks } from "./walks.ts";

/** The same walks in every verification: what is found once is found again. */
const SEED = 7;

/**
 * Walks a journey on one node at a time, several times over, which shows what varies by itself; then spread over nodes, then with the nodes replaced
 * on the way. What differs then depends on the node. Where something does, the journey is walked on single nodes once more, in case it is
 * only the time that has changed it.
 */
export async function verifyStateless(ports: WalkPorts, verification: Verification): Promise<StatelessnessOutcome> {
  const { nodes, requests, replace } = verification;
  const walks = new Walks(ports, verification);
  const pinned = await walks.each("pinned", nodes, pinnedAssignments(nodes.length, requests.length));
  const unclear = unclearOf(requests, pinned);
  const bound = boundRequests(requests, pinned);
  if (unclear.length + bound.length > 0) return outcomeOf(verification, { pinned, others: [], findings: bound, unclear });
  const spread = await walks.each("spread", nodes, spreadAssignments(nodes.length, requests.length, createRng(SEED)));
  const replaced = replace === null ? { walks: [], nodes } : await walks.across(replace);
  const others = [...spread, ...replaced.walks];
  if (findingsOf(requests, pinned, others).length > 0) {
    const again = pinnedAssignments(replaced.nodes.length, requests.length);
    pinned.push(...(await walks.each("pinned", replaced.nodes, again)));
  }
  return outcomeOf(verification, {
    pinned,
    others,
    findings: findingsOf(requests, pinned, others),
    unclear: limitsOf(verification),
  });
}

/** By the request: what is bound to a node usually shows in many walks. */
function findingsOf(requests: readonly JourneyRequest[], pinned: readonly Walk[], walks: readonly Walk[]): readonly Finding[] {
  const usual = new Usual(requests, pinned);
  const found = new Map<number, Finding>();
  for (const walk of walks) {
    const finding = usual.finding(walk);
    if (finding !== null && !found.has(finding.request)) found.set(finding.request, finding);
  }
  return [...found.values()].sort((a, b) => a.request - b.request);
}

/** Why nothing can be said: the journey does not even work on one node, or not in the same way each time. */
function unclearOf(requests: readonly JourneyRequest[], pinned: readonly Walk[]): readonly string[] {
  const unsteady = unsteadyRequests(requests, pinned);
  if (unsteady.length > 0) return unsteady;
  const [first] = pinned;
  const failing = first?.visits.findIndex(({ broken }) => broken.length > 0) ?? -1;
  const [visit, request] = [first?.visits[failing], requests[failing]];
  if (visit === undefined || request === undefined) return [];
  return [`${request.method} ${request.path} fails on one node already: ${visit.broken.join("; ")}`];
}

function limitsOf({ nodes, replace }: Verification): readonly string[] {
  if (nodes.length > 1 || replace !== null) return [];
  return [`there is one node alone (${nodes[0]?.instance ?? "none"}), and it was not replaced: nothing was compared`];
}

interface Seen {
  readonly pinned: readonly Walk[];
  readonly others: readonly Walk[];
  readonly findings: readonly Finding[];
  readonly unclear: readonly string[];
}

function outcomeOf({ nodes }: Verification, { pinned, others, findings, unclear }: Seen): StatelessnessOutcome {
  const count = (kind: WalkKind): number => others.filter((walk) => walk.kind === kind).length;
  return {
    verdict: findings.length > 0 ? "fail" : unclear.length > 0 ? "not-enough-data" : "pass",
    findings,
    unclear,
    nodes: nodes.map(({ instance }) => instance),
    walks: { pinned: pinned.length, spread: count("spread"), replaced: count("replaced") },
  };
}
