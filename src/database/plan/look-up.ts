import { lookupPath } from "../catalog.ts";
import { ident } from "../names.ts";
import type { PlanDraft } from "./draft.ts";

/*
 * Names in views and in bodies of routines are found when these are made, or tried then: where sessions will look for them.
 */

/** As sessions of the release do. */
export const asRelease = (draft: PlanDraft): string => setPath([draft.overlay, ...lookupPath(draft.catalog)]);

/** As sessions do when the contract is over. */
export const asBase = (draft: PlanDraft): string => setPath(lookupPath(draft.catalog));

const setPath = (schemas: readonly string[]): string => `SET LOCAL search_path = ${schemas.map(ident).join(", ")}`;
