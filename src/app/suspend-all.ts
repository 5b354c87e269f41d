import { HitlessError } from "../base/error.ts";
import { all } from "../core/instances.ts";
import type { EngineControl } from "../engine/control.ts";

const WAIT_MS = 30_000;

/** Drains and stops every app, at the same time; resolves when nothing runs any more. @throws ERR_DEPLOYMENT_RUNNING */
export async function suspendAll(engine: EngineControl, by: string): Promise<void> {
  const apps = engine.apps().filter((app) => {
    const state = engine.state(app);
    return state !== null && !state.suspended && (state.active !== null || all(state).length > 0);
  });
  throwIfDeploying(engine, apps);
  await Promise.all(apps.map((app) => suspend(engine, app, by)));
}

async function suspend(engine: EngineControl, app: string, by: string): Promise<void> {
  const name = await engine.request(app, { kind: "suspend.requested", by });
  for (let after = 0; ;) {
    const notes = await engine.notes(app, name, after, WAIT_MS);
    after = notes.at(-1)?.seq ?? after;
    const deployment = engine.state(app)?.deployment;
    if (deployment?.name !== name || deployment.outcome !== null) return;
  }
}

/** All or none: nothing is stopped while one of the apps is in a deployment. */
function throwIfDeploying(engine: EngineControl, apps: readonly string[]): void {
  const busy = apps.filter((app) => engine.state(app)?.deployment?.outcome === null);
  if (busy.length === 0) return;
  throw new HitlessError({
    code: "ERR_DEPLOYMENT_RUNNING",
    what: `${busy.join(", ")} ${busy.length === 1 ? "is" : "are"} in the middle of a deployment.`,
    next: "Wait for it (`hitless status --watch`), ask it to go back (`hitless abort`), or end only the daemon (`hitless down --keep-instances`).",
  });
}
