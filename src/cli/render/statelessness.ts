import type { StatelessnessAnswer } from "../../api/statelessness.ts";
import type { Failure } from "../../base/error.ts";
import type { SessionRoute } from "../../core/statelessness/session-routes.ts";
import type { Output } from "../output.ts";
import { count } from "./units.ts";

/** What the walks of one journey have shown. */
export function statelessnessText(answer: StatelessnessAnswer, output: Output): readonly string[] {
  const { verdict, summary, details, recorded } = answer;
  const routes = recorded === undefined ? [] : [`recorded ${String(recorded.length)}: ${[...new Set(recorded)].join(", ")}`];
  if (verdict === "pass") return [...routes, output.style("green", summary)];
  return [...routes, output.style(verdict === "fail" ? "red" : "yellow", summary), ...details.map((line) => `  ${line}`)];
}

/** Null when every journey is served alike by any node. */
export function statelessnessFailure(app: string, answers: readonly StatelessnessAnswer[]): Failure | null {
  if (answers.some(({ verdict }) => verdict === "fail")) {
    return {
      code: "ERR_STATEFUL",
      what: `${app} is not stateless.`,
      next: "Keep sessions, uploads and caches where every node finds them: docs/statelessness.md.",
    };
  }
  const unclear = answers.flatMap((answer) => (answer.verdict === "pass" ? [] : answer.unclear));
  if (unclear.length === 0) return null;
  return {
    code: "ERR_STATELESS_UNCLEAR",
    what: `Whether ${app} is stateless could not be told.`,
    details: unclear,
    next: "Where data is made, put ${run} into its names: it is another word in every walk.",
  };
}

/** Where the proxy saw sessions lost. */
export function boundTexts(routes: readonly SessionRoute[] = []): readonly string[] {
  return routes.map(({ route, cookie, own, ownLost, other, otherLost }) => {
    const elsewhere = `${count(otherLost)} of ${count(other)} requests with ${cookie} lost their session on another node`;
    return `${route}: ${elsewhere}, ${count(ownLost)} of ${count(own)} on the one that they came from`;
  });
}
