import type { IntendedCommand } from "./command.ts";
import { note, order, patch, running, type Draft } from "./draft.ts";
import type { ReleaseName } from "../base/names.ts";
import { releasesInUse } from "./ending.ts";
import type { Event } from "./event.ts";
import { whenExited } from "./exits.ts";
import { goBack, keepServing } from "./going-back.ts";
import { all, find } from "./instances.ts";
import { askAnew } from "./queue.ts";
import { syncRoutes } from "./route-tables.ts";
import { enter } from "./steps.ts";
import { supervise } from "./supervision.ts";
import { concludeAgain } from "./watch.ts";
import type { AppState, Deployment } from "./state.ts";

/** A daemon takes up the app: what is gone is noticed, the proxy gets its table under the new epoch, and a deployment goes on. */
export function whenRecovered(draft: Draft, event: Extract<Event, { kind: "engine.recovered" }>): void {
  patch(draft, { epoch: event.epoch });
  const deployment = running(draft.state);
  if (deployment !== null) note(draft, `the daemon is back; ${deployment.name} goes on from ${deployment.step}`);
  askAnew(draft);
  if (deployment?.step === "preparing" && deployment.kind === "deploy" && !isMadeAgain(draft.state, deployment)) {
    goBack(draft, {
      code: "ERR_ABORTED",
      what: "The daemon stopped while the release was being prepared.",
      next: "Nothing was changed; deploy again.",
    });
  }
  const gone = all(draft.state).filter(({ name, status }) => {
    const ran = status !== "starting" && status !== "stopping";
    return ran && !event.alive.includes(name);
  });
  whenExited(
    draft,
    gone.map(({ name }) => ({ instance: name, how: "is gone since the daemon was away", logTail: [] })),
  );
  if (gone.length > 0) chooseAnew(draft);
  concludeAgain(draft);
  if (draft.state.routes.installed) syncRoutes(draft, { force: true });
  else if (draft.state.routes.revision > 0)
    order(draft, { kind: "traffic.remove", app: draft.state.app, epoch: event.epoch }, null);
  supervise(draft);
}

/** Who goes is chosen anew among those that are left, where the proxy may not have heard of the choice yet. */
function chooseAnew(draft: Draft): void {
  const deployment = running(draft.state);
  if (deployment?.step !== "removing") return;
  keepServing(draft, deployment);
  enter(draft, "removing");
}

/** A command that can be run from what the journal holds of it. */
type Repeatable = Exclude<IntendedCommand, { kind: "traffic.apply" }>;

/** Whether a command that was intended but not settled before a crash is still to be run. */
export function isStillWanted(state: AppState, command: IntendedCommand): command is Repeatable {
  if (command.deployment !== null && command.deployment !== running(state)?.name)
    return outlivesDeployment(command) && isDue(state, command);
  return isDue(state, command);
}

function isDue(state: AppState, command: IntendedCommand): boolean {
  switch (command.kind) {
    // Route tables are always ordered anew, by `whenRecovered`.
    case "traffic.apply":
    // So is the look at what is frozen.
    case "freeze.look":
      return false;
    case "release.create":
      return isPreparing(state, command.release);
    case "instance.start":
      return find(state, command.instance) !== undefined;
    // Also of one that is in no book any more: it may have come after its first stop.
    case "instance.stop":
      return true;
    case "instance.awaitReady":
      return find(state, command.instance)?.status === "warming";
    case "traffic.drain":
      return command.instances.some((name) => find(state, name)?.status === "draining");
    case "traffic.quiet":
      return state.gate?.pause?.quietAt === null;
    case "traffic.remove":
      return !state.routes.installed && command.epoch === state.epoch;
    // What has come into use since is not on its list; the next promotion prunes.
    case "release.prune":
      return releasesInUse(state).every((release) => command.inUse.includes(release));
    case "release.discard":
    case "ledger.open":
    case "ledger.close":
    case "task.run":
    case "task.cancel":
    case "task.conclude":
    case "notify":
    case "timer.set":
      return true;
  }
}

/**
 * Stops and discards outlive the deployment that ordered them, and so does the coming of an instance: one that supervision started may
 * come while a deployment runs. A task that is to end must.
 */
function outlivesDeployment({ kind }: IntendedCommand): boolean {
  if (kind === "task.cancel" || kind.startsWith("instance.")) return true;
  return kind === "traffic.drain" || kind === "release.discard" || kind === "release.prune";
}

function isPreparing(state: AppState, release: ReleaseName): boolean {
  const deployment = running(state);
  return deployment?.to === release && deployment.step === "preparing" && isMadeAgain(state, deployment);
}

/** What is made from the copy that was staged for the queue, or is kept from an earlier attempt, does not need whoever asked for it. */
function isMadeAgain({ releases }: AppState, { queuedAt, to }: Deployment): boolean {
  return queuedAt !== undefined || releases[to ?? ""] !== undefined;
}
