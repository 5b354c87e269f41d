import type { InstanceName } from "../../base/names.ts";
import type { JourneyAnswer } from "../journey.ts";

/** How the requests of a walk were spread: all to one node, over several, or the rest to nodes that had come meanwhile. */
export type WalkKind = "pinned" | "spread" | "replaced";

/** One request of a walk, and what came of it. */
export interface Visit {
  readonly node: InstanceName;
  /** Null: there was none. */
  readonly answer: JourneyAnswer | null;
  /** What is wrong with it by the journey's own word, and what it did not give to later requests. */
  readonly broken: readonly string[];
  /** Cookies that the request carried, with the nodes that had set them. */
  readonly carried: readonly { readonly cookie: string; readonly from: InstanceName }[];
}

export interface Walk {
  readonly kind: WalkKind;
  /** By the index of the request. */
  readonly visits: readonly Visit[];
}
