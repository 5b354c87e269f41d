import { isDeparting } from "./departures.ts";
import { drainLimits } from "./drain-limits.ts";
import { note, patchDeployment, patchInstance, order, running, type Draft } from "./draft.ts";
import { all, find, startInstance, stopInstance } from "./instances.ts";
import { finish, promote } from "./ending.ts";
import { notify } from "./notifying.ts";
import { hasTraffic, routeBy, syncRoutes } from "./route-tables.ts";
import { sideOf } from "./standby.ts";
import type { Deployment, Instance, Retirement, Stage, Step } from "./state.ts";
import { beginHook, beginTasks, isTaskRunning, tasksDone, type TaskPlace } from "./tasks.ts";
import { beginWait, isWaiting } from "./waiting.ts";
import { beginWatch, isWatchOver } from "./watch.ts";

/**
 * The steps of one stage. `enter` orders what the step needs; `done` says whether it has come about. Both are called again and again,
 * `done` after every event, so neither may depend on anything but the state.
 */
interface StepRules {
  enter(draft: Draft, deployment: Deployment, stage: Stage): void;
  done(draft: Draft, deployment: Deployment): boolean;
  readonly next: Step | null;
}

const STEP_RULES: Readonly<Record<Step, StepRules>> = {
  preparing: {
    enter: () => undefined,
    // A deployment of new code is planned when its release has been made, or is found to be kept.
    done: (_draft, { ledger, stages }) => ledger.openedSettled && stages.length > 0,
    next: "starting",
  },
  starting: {
    enter: startBatch,
    done: (draft, { starting }) => starting.every((name) => find(draft.state, name)?.status !== "starting"),
    next: "warming",
  },
  warming: {
    enter: () => undefined,
    // One that is gone was not needed any more: the one it was to replace is well again. A failure would have led elsewhere.
    done: (draft, { starting }) => starting.every((name) => (find(draft.state, name)?.status ?? "serving") === "serving"),
    next: "checking",
  },
  checking: tasksAt("before", "adding"),
  adding: { enter: addToRoutes, done: routesApplied, next: "baking" },
  baking: tasksAt("after", "waiting", beginWatch),
  waiting: {
    enter: beginWait,
    done: (draft, deployment) => !isWaiting(deployment) && isWatchOver(draft, deployment),
    next: "removing",
  },
  removing: { enter: removeFromRoutes, done: routesApplied, next: "draining" },
  draining: {
    enter: drainRetired,
    done: (draft, { retiring }) => retiring.every((name) => find(draft.state, name)?.status !== "draining"),
    next: "stopping",
  },
  stopping: {
    enter: (draft, { retiring }) => {
      for (const name of retiring) stopInstance(draft, name);
    },
    done: (draft, { retiring }) => retiring.every((name) => find(draft.state, name) === undefined),
    next: null,
  },
  closing: {
    enter: (draft, deployment) => {
      if (deployment.direction === "forward") promote(draft, deployment);
      order(draft, { kind: "ledger.close", since: deployment.startedAt });
      beginHook(draft, deployment, deployment.direction === "forward" ? "after-deploy" : "on-failure");
    },
    done: () => false,
    next: null,
  },
};

/** True until the instances of the stage serve and nothing has been taken away for them yet. */
export function isFilling({ step }: Deployment): boolean {
  return step === "starting" || step === "warming" || step === "checking" || step === "adding";
}

/** True while instances get no requests any more and none has been told to stop. */
export function isTakingAway({ step }: Deployment): boolean {
  return step === "removing" || step === "draining";
}

/** Takes the running deployment as far as it can go now. */
export function advance(draft: Draft): void {
  for (let deployment = running(draft.state); deployment !== null; deployment = running(draft.state)) {
    if (deployment.halted !== undefined && deployment.step !== "closing") return;
    const rules = STEP_RULES[deployment.step];
    if (!rules.done(draft, deployment)) return;
    if (rules.next === null) nextStage(draft, deployment);
    else enter(draft, rules.next);
  }
}

/** Begins a step of the current stage. */
export function enter(draft: Draft, step: Step): void {
  patchDeployment(draft, { step, stepSince: draft.at });
  const deployment = running(draft.state);
  if (deployment === null) return;
  if (step === "starting" && deployment.stage === 0 && deployment.direction === "forward") notify(draft, "started");
  const stage = deployment.stages[deployment.stage] ?? EMPTY_STAGE;
  STEP_RULES[step].enter(draft, deployment, stage);
}

/** The ledger is closed and the last hook has ended: nothing is left to do but to say how it ended. */
export function finishWhenClosed(draft: Draft): void {
  const deployment = running(draft.state);
  if (deployment?.step !== "closing" || deployment.ledger.closedSettled !== true || isTaskRunning(deployment)) return;
  finish(draft, deployment);
}

function tasksAt(place: TaskPlace, next: Step, first?: StepRules["enter"]): StepRules {
  return {
    enter: (draft, deployment, stage) => {
      first?.(draft, deployment, stage);
      beginTasks(draft, draft.state.deployment ?? deployment, place);
    },
    done: (draft, deployment) => {
      // The next hook begins when the one before it has ended.
      beginTasks(draft, deployment, place);
      return tasksDone(draft.state.deployment ?? deployment, place);
    },
    next,
  };
}

const EMPTY_STAGE: Stage = { release: null, generation: 0, start: {}, retire: [] };

function nextStage(draft: Draft, deployment: Deployment): void {
  if (deployment.stage + 1 >= deployment.stages.length) {
    enter(draft, "closing");
    return;
  }
  patchDeployment(draft, { stage: deployment.stage + 1, starting: [] });
  enter(draft, "starting");
}

function startBatch(draft: Draft, deployment: Deployment, stage: Stage): void {
  const { release, generation } = stage;
  if (release === null) {
    patchDeployment(draft, { starting: [] });
    return;
  }
  if (!draft.state.routes.installed) {
    routeBy(draft, release);
    syncRoutes(draft);
  }
  const starting = Object.entries(stage.start).flatMap(([type, count]) =>
    Array.from({ length: count }, () => startInstance(draft, { type, release, generation })),
  );
  patchDeployment(draft, { starting: [...deployment.starting, ...starting] });
  if (starting.length > 0) {
    const batch = deployment.stages.length > 1 ? `batch ${deployment.stage + 1} of ${deployment.stages.length}: ` : "";
    note(draft, `${batch}starting ${starting.join(", ")}`);
  }
}

function addToRoutes(draft: Draft, deployment: Deployment, stage: Stage): void {
  if (stage.share !== undefined) patchDeployment(draft, { share: stage.share });
  // What is only tried out does not bring its listen address and its settings yet.
  const share = stage.share ?? (deployment.direction === "back" ? 100 : (deployment.share ?? 100));
  if (stage.release !== null && share === 100) routeBy(draft, stage.release);
  for (const name of deployment.starting) {
    const instance = find(draft.state, name);
    if (instance !== undefined && hasTraffic(draft.state, instance)) patchInstance(draft, name, { routed: true });
  }
  awaitRoutes(draft);
}

function removeFromRoutes(draft: Draft, _deployment: Deployment, stage: Stage): void {
  const retiring = stage.retire.flatMap((retirement) => candidates(draft, stage, retirement));
  for (const { name, status, routed } of retiring) {
    // Whose drain is under way, from before a second going back, is not drained yet.
    if (status === "stopping" || status === "draining") continue;
    // One that was never ready has nothing to finish, and must not serve if the deployment goes back.
    if (status === "starting" || status === "warming") stopInstance(draft, name);
    else patchInstance(draft, name, { status: routed ? "draining" : "drained", routed: false });
  }
  patchDeployment(draft, { retiring: retiring.map((instance) => instance.name) });
  if (retiring.length > 0) note(draft, `retiring ${retiring.map((instance) => instance.name).join(", ")}`);
  awaitRoutes(draft);
}

/** Those that serve least go first; among equals the newest, so that what has proved itself stays longest. */
function candidates(draft: Draft, stage: Stage, retirement: Retirement): readonly Instance[] {
  const fits = (instance: Instance): boolean =>
    (retirement.type === "*" || instance.type === retirement.type) &&
    sideOf(draft.state, instance, stage.generation) === retirement.side;
  const found = all(draft.state).filter(fits);
  if (retirement.keep === 0) return found;
  const staying = found.filter((instance) => instance.status !== "stopping");
  return staying
    .sort((a, b) => Number(a.routed) - Number(b.routed) || b.since - a.since)
    .slice(0, Math.max(0, staying.length - retirement.keep));
}

function awaitRoutes(draft: Draft): void {
  syncRoutes(draft);
  const { specRelease, revision } = draft.state.routes;
  patchDeployment(draft, { awaitedRevision: specRelease === null ? 0 : revision });
}

function routesApplied(draft: Draft, deployment: Deployment): boolean {
  return draft.state.routes.appliedRevision >= deployment.awaitedRevision;
}

function drainRetired(draft: Draft, deployment: Deployment): void {
  const draining = deployment.retiring.flatMap((name) => {
    const instance = find(draft.state, name);
    return instance?.status === "draining" && !isDeparting(draft.state, name) ? [instance] : [];
  });
  if (draining.length > 0) order(draft, { kind: "traffic.drain", ...drainLimits(draft.state, draining) });
}
