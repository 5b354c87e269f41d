import type { Failure } from "../../base/error.ts";
import type { Output } from "../output.ts";

const DETAIL = "  ";

/** What happened, why, every detail, and what to do now; for standard error. */
export function renderFailure(failure: Failure, output: Output): readonly string[] {
  const lines = [
    `${output.styleError("red", "✖")} ${output.styleError("bold", failure.what)} ${output.styleError("dim", `[${failure.code}]`)}`,
  ];
  if (failure.why !== undefined) lines.push(`${DETAIL}${failure.why}`);
  for (const detail of failure.details ?? []) lines.push(`${DETAIL}${output.styleError("dim", "│")} ${detail}`);
  if (failure.next !== undefined) lines.push(`${DETAIL}${output.styleError("cyan", "→")} ${failure.next}`);
  return lines;
}
