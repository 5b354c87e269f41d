import { EMPTY_BOOK } from "./instance-book.ts";
import type { AppState } from "./state.ts";

/** An app that nothing is known of yet. */
export function newApp(app: string): AppState {
  return {
    app,
    epoch: 0,
    active: null,
    promoted: [],
    releases: {},
    counts: {},
    instances: EMPTY_BOOK,
    routes: { revision: 0, appliedRevision: 0, routed: [], specRelease: null, installed: false },
    deployment: null,
    generation: 0,
    crashes: {},
    suspended: false,
    next: { release: 1, deployment: 1, instance: 1, command: 1 },
  };
}
