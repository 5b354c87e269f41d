import { cuts, type Assignment } from "../../core/statelessness/assignments.ts";
import type { Walk, WalkKind } from "../../core/statelessness/walk.ts";
import { NodeWalk, type Node, type WalkPorts } from "./node-walk.ts";
import type { Verification } from "./verification.ts";

/** Places at which nodes are replaced. */
const CUTS_MAX = 24;

/** The walks of one verification, within its time. */
export class Walks {
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
