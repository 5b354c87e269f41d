import type { InstanceName } from "../../base/names.ts";
import type { TaskResult, Verdict } from "../task.ts";
import type { Finding } from "./judge.ts";

/** What walks over the nodes of an app have shown. */
export interface StatelessnessOutcome {
  /** Pass: any node can serve any request of the journey. */
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  /** Why less can be said than was asked; one sentence each. */
  readonly unclear: readonly string[];
  readonly nodes: readonly InstanceName[];
  /** Method and path of the live requests that were compared; absent: it was a journey. */
  readonly recorded?: readonly string[] | undefined;
  /** How often the journey was walked, by kind. */
  readonly walks: { readonly pinned: number; readonly spread: number; readonly replaced: number };
}

/** As a check says it. */
export function resultOf(name: string, { verdict, findings, unclear, nodes, walks }: StatelessnessOutcome): TaskResult {
  const [first] = findings;
  const seen = `${String(walks.pinned + walks.spread + walks.replaced)} walks over ${String(nodes.length)} nodes`;
  const why = first === undefined ? unclear.join("; ") : findingLines(first)[0];
  const summary =
    verdict === "pass" ? `${name} is served alike by any node (${seen})` : `${name} is not shown to be stateless: ${why ?? ""}`;
  return { verdict, summary, details: [...findings.flatMap(findingLines), ...unclear] };
}

/** For people; the first line is a sentence of its own. */
export function findingLines({ request, method, path, kind, node, differences, cookies, after }: Finding): readonly string[] {
  const how = { pinned: "", spread: "", replaced: ", started meanwhile," }[kind];
  const bound = cookies.map(({ name, from, again }) =>
    again ? `it sets cookie ${name} anew, which ${from} had set` : `it carried cookie ${name}, which ${from} knows`,
  );
  const told = after === null ? [] : [`after ${after.method} ${after.path} on ${after.node}`];
  return [
    `${method} ${path} (request ${String(request)}) depends on the node: ${node}${how} answers otherwise`,
    ...[...differences, ...bound, ...told].map((text) => `  ${text}`),
  ];
}
