import { canConvert, sameType } from "./types.ts";

/** What a routine can be called with: the types of its input arguments, and how many of them have to be given. */
export interface CallForm {
  readonly types: readonly string[];
  readonly needed: number;
}

/**
 * Whether a call that is meant for `wanted` can reach `old`, which stands beside it. The search path decides where the arguments that are given have the same types, and there `wanted` comes
 * first; otherwise the types that fit best do, whichever schema they are in (https://www.postgresql.org/docs/18/typeconv-func.html).
 */
export function takesCallsOf(wanted: CallForm, old: CallForm): boolean {
  const most = Math.min(wanted.types.length, old.types.length);
  if (Math.max(wanted.needed, old.needed) > most) return false;
  const pairs = old.types.slice(0, most).map((type, index) => [type, wanted.types[index] ?? ""] as const);
  return pairs.every(([one, other]) => canConvert(one, other)) && pairs.some(([one, other]) => !sameType(one, other));
}
