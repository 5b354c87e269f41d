import type { ReleaseName } from "../base/names.ts";
import { running } from "./draft.ts";
import { all } from "./instances.ts";
import { DEFAULT_PREVIEW, DEFAULT_ROUTING, type PreviewSpec, type RoutingSpec } from "./routing.ts";
import type { AppState } from "./state.ts";

/** How a person or a check reaches what is not active yet. */
export interface PreviewWay {
  readonly release: ReleaseName;
  /** A request with this field gets the release; null where only a host leads there. */
  readonly header: { readonly name: string; readonly value: string } | null;
  /** Hosts that lead there. */
  readonly hosts: readonly string[];
}

/** The release that is in the table to be tried out; null when there is none. */
export function previewWay(state: AppState): PreviewWay | null {
  const release = previewed(state);
  if (release === null) return null;
  const spec = specOf(state, release);
  const key = state.releases[release]?.previewKey;
  const open = spec.secretSha256 === null ? release : null;
  const value = key?.value ?? open;
  return { release, header: value === null ? null : { name: spec.header, value }, hosts: spec.hosts };
}

/** The routing of a table, with the way to what is tried out: as the release that is tried out says. */
export function withPreview(state: AppState, routing: RoutingSpec | undefined): RoutingSpec | undefined {
  const release = previewed(state);
  return release === null ? routing : { ...(routing ?? DEFAULT_ROUTING), preview: specOf(state, release) };
}

function previewed(state: AppState): ReleaseName | null {
  const deployment = running(state);
  if (deployment?.share !== 0 || deployment.to === null || deployment.to === state.standby?.release) return null;
  const { to, generation } = deployment;
  return all(state).some((instance) => instance.routed && instance.generation === generation) ? to : null;
}

/** Where the release does not say that its name is enough, only its key opens it. */
function specOf(state: AppState, release: ReleaseName): PreviewSpec {
  const record = state.releases[release];
  const sha256 = record?.previewKey?.sha256;
  const spec = record?.spec.routing?.preview ?? { ...DEFAULT_PREVIEW, secretSha256: sha256 ?? null };
  return { ...spec, ...(sha256 === undefined ? {} : { keySha256: sha256 }) };
}
