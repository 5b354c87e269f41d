import type { ClientStatement } from "../../database/proof/corpus.ts";
import type { Proof, ProofFailure, ProofSide } from "../../database/proof/proof.ts";
import type { Prepared, Shadow, Viewpoint } from "../../ports/shadow.ts";

export interface Corpora {
  /** Of the release that runs now; empty: none are known. */
  readonly running: readonly ClientStatement[];
  readonly next: readonly ClientStatement[];
}

/** Prepares what both releases send: before the expansion, after it, and after the contract. */
export class ProofKeeper {
  readonly #shadow: Shadow;
  readonly #corpora: Corpora;
  #before = new Map<ClientStatement, Prepared>();
  #sides: ProofSide[] = [];
  #routines: Proof["routines"] = null;
  #known = new Set<string>();

  constructor(shadow: Shadow, corpora: Corpora) {
    this.#shadow = shadow;
    this.#corpora = corpora;
  }

  async before(running: Viewpoint): Promise<void> {
    for (const statement of this.#corpora.running) {
      this.#before.set(statement, await this.#shadow.prepare(statement.sql, running));
    }
    this.#known = new Set(((await this.#shadow.checkRoutines(running)) ?? []).map(said));
  }

  async expanded(running: Viewpoint, next: Viewpoint): Promise<void> {
    const { running: old, next: own } = this.#corpora;
    if (old.length > 0) this.#sides.push(await this.#side("running", old, running));
    if (own.length > 0) this.#sides.push(await this.#side("new", own, next));
    const routines = await this.#shadow.checkRoutines(next);
    // What was wrong before is not this release's doing.
    this.#routines = routines?.filter((one) => !this.#known.has(said(one))) ?? null;
  }

  async contracted(next: Viewpoint): Promise<void> {
    const { next: own } = this.#corpora;
    if (own.length > 0) this.#sides.push(await this.#side("new, after the contract", own, next));
  }

  proof(): Proof {
    return { sides: this.#sides, routines: this.#routines };
  }

  async #side(side: ProofSide["side"], statements: readonly ClientStatement[], as: Viewpoint): Promise<ProofSide> {
    const failures: ProofFailure[] = [];
    const unjudged: ProofFailure[] = [];
    const changed: ClientStatement[] = [];
    for (const statement of statements) {
      const earlier = side === "running" ? this.#before.get(statement) : undefined;
      if (earlier?.kind === "failed") {
        unjudged.push({ ...statement, message: earlier.message });
        continue;
      }
      const now = await this.#shadow.prepare(statement.sql, as);
      if (now.kind === "failed") failures.push({ ...statement, message: now.message });
      else if (earlier !== undefined && String(now.result) !== String(earlier.result)) changed.push(statement);
    }
    const of = statements.length - unjudged.length;
    return { side, fit: of - failures.length, of, failures, unjudged, changed };
  }
}

const said = ({ routine, message }: { routine: string; message: string }): string => `${routine}: ${message}`;
