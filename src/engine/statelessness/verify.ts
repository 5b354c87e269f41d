import { createRng } from "../../base/rng.ts";
import { cuts, pinnedAssignments, spreadAssignments, type Assignment } from "../../core/statelessness/assignments.ts";
import { boundRequests, unsteadyRequests, Usual, type Finding } from "../../core/statelessness/judge.ts";
import type { StatelessnessOutcome } from "../../core/statelessness/outcome.ts";
import type { Walk, WalkKind } from "../../core/statelessness/walk.ts";
import type { JourneyRequest } from "../../core/task.ts";
import { NodeWalk, type Manner, type Node, type WalkPorts } from "./node-walk.ts";

export interface Verification {
  readonly requests: readonly JourneyRequest[];
  readonly manner: Manner;
  readonly nodes: readonly Node[];
  /** Replaces the nodes by new ones, without a loss, and gives these; null: they stay. */
  readonly replace: (() => Promise<readonly Node[]>) | null;
  /** For the walks as a whole; the time in which nodes are replaced does not count. */
  readonly timeoutMs: number;
}

/** The same walks in every verification: what is found once is found again. */
const SEED = 7;
/** Places at which nodes are replaced. */
const CUTS_MAX = 24;

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

class Walks {
  readonly #ports: WalkPorts;
  readonly #verification: Verification;
  #until: number;
  #count = 0;

  constructor(ports: WalkPorts, verification: Verification) {
    this.#ports = ports;
    this.#verification = verification;
    this.#until = ports.clock.now() + verification.timeoutMs;
  }

  /** One after the other: nodes are not to be loaded, and walks do not disturb one another. */
  async each(kind: WalkKind, nodes: readonly Node[], assignments: readonly Assignment[]): Promise<Walk[]> {
    const walks: Walk[] = [];
    for (const assignment of assignments) {
      const walk = this.#begin();
      for (const index of assignment) await this.#step(walk, nodes[index]);
      walks.push({ kind, visits: walk.visits });
    }
    return walks;
  }

  /** Walks that have come to different places when the nodes are replaced. */
  async across(
    replace: () => Promise<readonly Node[]>,
  ): Promise<{ readonly walks: readonly Walk[]; readonly nodes: readonly Node[] }> {
    const { requests, nodes } = this.#verification;
    const begun: NodeWalk[] = [];
    for (const [turn, cut] of cuts(requests.length, CUTS_MAX).entries()) {
      const walk = this.#begin();
      for (let step = 0; step < cut; step += 1) await this.#step(walk, nodes[turn % nodes.length]);
      begun.push(walk);
    }
    const left = this.#until - this.#ports.clock.now();
    const fresh = await replace();
    this.#until = this.#ports.clock.now() + left;
    for (const [turn, walk] of begun.entries())
      while (walk.visits.length < requests.length) await this.#step(walk, fresh[turn % fresh.length]);
    return { walks: begun.map(({ visits }) => ({ kind: "replaced", visits })), nodes: fresh };
  }

  #begin(): NodeWalk {
    const { requests, manner } = this.#verification;
    this.#count += 1;
    const run = `v${this.#ports.clock.now().toString(36)}x${String(this.#count)}`;
    return new NodeWalk(this.#ports, requests, manner, run);
  }

  async #step(walk: NodeWalk, node: Node | undefined): Promise<void> {
    this.#ports.signal.throwIfAborted();
    if (node !== undefined) await walk.next(node, this.#until);
  }
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
