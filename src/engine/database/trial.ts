import { lookupPath, type Catalog } from "../../database/catalog.ts";
import type { Action, Notice, Plan, Refusal } from "../../database/plan/action.ts";
import { breaks, type Proof } from "../../database/proof/proof.ts";
import { copyOf } from "../../database/shadow/copy.ts";
import { scopeOf } from "../../database/shadow/scope.ts";
import { dependsOnRows, doesNotRun, hazardOf, isMissing, isOfTheCopy, measuredAction } from "../../database/shadow/verdicts.ts";
import type { Shadow, ShadowFailure, Shadows, Viewpoint } from "../../ports/shadow.ts";
import { ProofKeeper, type Corpora } from "./proof.ts";
import { trySwaps } from "./swap-trial.ts";
import { fireSyncs } from "./sync-trial.ts";

export interface TrialRequest {
  readonly plan: Plan;
  readonly catalog: Catalog;
  readonly corpora: Corpora;
  /** A server for the copy; null: in this process. */
  readonly shadowUrl: string | null;
}

export interface Trial {
  /** With what was measured, and refusals for what does not run, stops others for long, or breaks a release. */
  readonly plan: Plan;
  /** Where it was tried; null: nowhere, and what the plan says are the rules. */
  readonly about: string | null;
  /** Why it was not tried, or what of the database could not be copied. */
  readonly gaps: readonly string[];
  readonly proof: Proof;
}

/** What the rules alone say. */
export function untried(plan: Plan, gaps: readonly string[]): Trial {
  return { plan, about: null, gaps, proof: { sides: [], routines: null } };
}

/** Runs a plan on a copy of the database: what it locks and rewrites, whether it runs at all, and whether both releases can live with it. */
export async function tryPlan(shadows: Shadows, request: TrialRequest): Promise<Trial> {
  const { plan, catalog, corpora } = request;
  if (plan.actions.length === 0) return untried(plan, []);
  if (plan.refusals.length > 0) return untried(plan, ["a plan with refused statements is not tried"]);
  const shadow = await open(shadows, request);
  if (typeof shadow === "string") return untried(plan, [shadow]);
  try {
    const texts = [...plan.actions.flatMap(textsOf), ...[...corpora.running, ...corpora.next].map(({ sql }) => sql)];
    const missing = await shadow.make(copyOf(catalog, scopeOf(catalog, texts)));
    return await new TrialRun(shadow, request, missing).run();
  } catch (error) {
    return untried(plan, [`the copy did not last: ${error instanceof Error ? error.message : String(error)}`]);
  } finally {
    await shadow.close();
  }
}

async function open(shadows: Shadows, { catalog, shadowUrl }: TrialRequest): Promise<Shadow | string> {
  try {
    return await shadows.open({
      url: shadowUrl,
      extensions: catalog.parts.filter(({ kind }) => kind === "extension").map(({ name }) => name),
      searchPath: lookupPath(catalog),
      timeZone: catalog.timeZone,
    });
  } catch (error) {
    return `no copy could be made: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Every text in which a name may stand. */
function textsOf({ run, table }: Action): readonly string[] {
  const named = table === null ? [] : [table];
  if (run.kind === "transaction") return [...run.sql, ...named];
  if (run.kind === "alone") return [run.sql, ...named];
  return [run.backfill.table, run.backfill.set, run.backfill.where];
}

class TrialRun {
  readonly #shadow: Shadow;
  #plan: Plan;
  readonly #catalog: Catalog;
  readonly #proof: ProofKeeper;
  readonly #gaps: string[];
  readonly #missing: readonly { readonly what: string }[];
  readonly #refusals: Refusal[] = [];
  readonly #notices: Notice[] = [];

  constructor(
    shadow: Shadow,
    { plan, catalog, corpora }: TrialRequest,
    missing: readonly { readonly what: string; readonly why: string }[],
  ) {
    this.#shadow = shadow;
    this.#plan = plan;
    this.#catalog = catalog;
    this.#proof = new ProofKeeper(shadow, corpora);
    this.#missing = missing;
    this.#gaps = missing.map(({ what, why }) => `not copied: ${what}: ${why}`);
  }

  async run(): Promise<Trial> {
    const { app, release, overlay } = this.#plan;
    const path = lookupPath(this.#catalog);
    const base: Viewpoint = { app, release, searchPath: path };
    const running: Viewpoint = { ...base, release: release - 1 };
    const next: Viewpoint = overlay === null ? base : { ...base, searchPath: [overlay, ...path] };
    await this.#proof.before(running);
    const expanded = await this.#runPhase("expand");
    if (this.#refusals.length === 0) await this.#fireSyncs(running, next);
    if (this.#refusals.length === 0) await this.#proof.expanded(running, next);
    const restored = this.#refusals.length > 0 || (await this.#trySwaps(next));
    const contracted = restored
      ? await this.#runPhase("contract")
      : this.#plan.actions.filter(({ phase }) => phase === "contract");
    if (restored && this.#refusals.length === 0) await this.#proof.contracted(base);
    return this.#trial([...expanded, ...contracted]);
  }

  #trial(actions: readonly Action[]): Trial {
    const proof = this.#proof.proof();
    const [first] = this.#plan.statements;
    const broken = breaks(proof, first?.position ?? { path: "", line: 1, column: 1 });
    const refusals = [...this.#refusals, ...broken.map((one) => ({ ...one, rule: "release-breaks" as const, write: [] }))];
    const notices = [...this.#plan.notices, ...this.#notices];
    return { plan: { ...this.#plan, actions, refusals, notices }, about: this.#shadow.about, gaps: this.#gaps, proof };
  }

  async #runPhase(phase: Action["phase"]): Promise<readonly Action[]> {
    const actions = this.#plan.actions.filter((action) => action.phase === phase);
    // What a contract meets after half an expansion is no news.
    if (phase === "contract" && this.#refusals.length > 0) return actions;
    const run: Action[] = [];
    for (const action of actions) run.push(await this.#runAction(action));
    return run;
  }

  /** What keeps the releases in step is called by writes alone. */
  async #fireSyncs(running: Viewpoint, next: Viewpoint): Promise<void> {
    const isOfTheCopy = (failure: ShadowFailure): boolean => this.#isOfTheCopy(failure);
    const trial = { plan: this.#plan, catalog: this.#catalog, running, next, isOfTheCopy };
    const fired = await fireSyncs(this.#shadow, trial);
    this.#refusals.push(...fired.refusals);
    this.#notices.push(...fired.notices);
  }

  /** Whether the copy is as it was before. */
  async #trySwaps(next: Viewpoint): Promise<boolean> {
    const isOfTheCopy = (failure: ShadowFailure): boolean => this.#isOfTheCopy(failure);
    const { plan, notices, restored } = await trySwaps(this.#shadow, {
      plan: this.#plan,
      catalog: this.#catalog,
      next,
      isOfTheCopy,
    });
    this.#plan = plan;
    this.#notices.push(...notices);
    if (!restored) this.#gaps.push("not measured: the contract, as the copy did not get its old names back");
    return restored;
  }

  async #runAction(action: Action): Promise<Action> {
    let outcome = await this.#shadow.run(action);
    if (outcome.kind === "failed" && dependsOnRows(outcome.code)) {
      await this.#shadow.empty();
      outcome = await this.#shadow.run(action);
    }
    if (outcome.kind === "failed") {
      this.#failed(action, outcome);
      return action;
    }
    if (outcome.measured === null) return action;
    const measured = measuredAction(action, outcome.measured, this.#catalog);
    const hazard = hazardOf(this.#plan, measured, this.#catalog);
    if (hazard !== null) this.#refusals.push(hazard);
    return measured;
  }

  #isOfTheCopy({ code, message }: ShadowFailure): boolean {
    const uncopied = this.#missing.some(({ what }) => message.includes(what.split(" ").at(-1)?.replace(/\(\)$/, "") ?? what));
    return uncopied || isOfTheCopy(code, message);
  }

  #failed(action: Action, failure: ShadowFailure): void {
    const { code, message } = failure;
    if (this.#isOfTheCopy(failure) || dependsOnRows(code)) {
      this.#gaps.push(`not measured: ${action.title}: ${message}`);
    } else if (this.#refusals.length === 0 || !(isMissing(code) || action.id === "c0")) {
      this.#refusals.push(doesNotRun(this.#plan, action, failure));
    }
  }
}
