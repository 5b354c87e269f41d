import type { Failure } from "../base/error.ts";
import { beginDeploy } from "./beginning.ts";
import type { DeployOrder } from "./deploy-order.ts";
import { refuse, running, type Draft } from "./draft.ts";
import type { Event } from "./event.ts";
import { all } from "./instances.ts";
import { judgeAgain } from "./operators.ts";
import { refuseFrozen } from "./refusals.ts";
import type { AppState, Deployment } from "./state.ts";

type Request = Extract<Event, { kind: "retry.requested" }>;

/** Of a running deployment: what it could not pass. Otherwise: the deployment that went back last, from the release that is active now. */
export function whenRetryRequested(draft: Draft, request: Request): void {
  const { returned } = draft.state;
  if (running(draft.state) !== null) judgeAgain(draft, request.by);
  else if (returned === undefined) refuse(draft, nothingToRetry(draft.state));
  else deployAgain(draft, request, returned);
}

function deployAgain(draft: Draft, { by, frozen, override }: Request, returned: DeployOrder): void {
  const left = all(draft.state).filter(({ release }) => release === returned.release);
  if (left.length > 0) refuse(draft, stillThere(draft.state, returned, left.length));
  else if (frozen !== undefined && override === undefined) refuseFrozen(draft, frozen);
  else beginDeploy(draft, { ...returned, by, override });
}

/** Going back had failed too: of two sides of one release neither could be told from the other. */
function stillThere({ active }: AppState, { release }: DeployOrder, count: number): Failure {
  return {
    code: "ERR_NOTHING_TO_RETRY",
    what: `${release} cannot be tried again as long as it has instances: there ${count === 1 ? "is 1" : `are ${String(count)}`}.`,
    why: "Going back had failed too, and what served was left running.",
    next: `${active === null ? "`hitless down` stops them" : `\`hitless restart\` makes ${active} whole and stops them`}; then try again.`,
  };
}

function nothingToRetry({ app, deployment }: AppState): Failure {
  const what = deployment === null ? `${app} was never deployed.` : `${deployment.name} left nothing that could be tried again.`;
  return { code: "ERR_NOTHING_TO_RETRY", what, ...(deployment === null ? {} : reasonOf(deployment)) };
}

function reasonOf({ kind, outcome, to }: Deployment): Pick<Failure, "why" | "next"> {
  if (outcome === "done" || outcome === "unchanged") return { why: "It did what it was to do." };
  if (kind === "deploy")
    return {
      why: `${to ?? "Its release"} was never made, so that nothing of it is kept.`,
      next: "Deploy it with `hitless deploy`.",
    };
  return { why: `It was no deployment of a new release, but a ${kind}.`, next: "Ask for that again with its own command." };
}
