import type { ReleaseName } from "../base/names.ts";
import { order, patch, type Draft } from "./draft.ts";
import { all } from "./instances.ts";
import type { Deployment } from "./state.ts";

/** A deployment of new code did not reach its end: its release is kept for trying it again, if it was made. */
export function keepReturned(draft: Draft, { by, to, strategy = null, batch, force, notifications }: Deployment): void {
  if (to === null) return;
  if (draft.state.releases[to] === undefined) discard(draft, to);
  else patch(draft, { returned: { by, release: to, strategy, batch, force, ...(notifications && { notifications }) } });
}

/** This release is deployed: another one that went back will not be tried again. */
export function forgetReturned(draft: Draft, deployed: ReleaseName): void {
  const { returned, releases } = draft.state;
  if (returned === undefined) return;
  patch(draft, { returned: undefined });
  const { release } = returned;
  const isRunning = all(draft.state).some((instance) => instance.release === release);
  if (release === deployed || isRunning) return;
  const { [release]: _gone, ...kept } = releases;
  patch(draft, { releases: kept });
  discard(draft, release);
}

function discard(draft: Draft, release: ReleaseName): void {
  order(draft, { kind: "release.discard", release }, null);
}
