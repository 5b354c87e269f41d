import type { InstanceName } from "../../base/names.ts";
import type { ListenAddress } from "../../core/listen-address.ts";
import type { RouteTable } from "../../core/routes.ts";
import type { HolderMessage } from "../messages.ts";
import type { ListenerInfo } from "./app-listeners.ts";
import type { CountsData, CountsMessage } from "./counts.ts";

/**
 * How one generation of the proxy takes over from another (docs/adr/0006-self-upgrade.md). The old holder starts the new one as its child
 * and they speak over the process channel (`serialization: "advanced"`), in this order:
 *
 *     new: hello → old: socket … state → new: prepared → old: commit → new: committed → old: counts … gone … bye
 *
 * Until `committed` the old generation goes on as if nothing were; from then on its workers finish what they have. While they do, it is one
 * more worker to the new holder: it passes on what workers are told, and streams what they count.
 */
export type PredecessorMessage =
  /** Comes with the listening handle, for the first app of a socket; `bound` has the real port where 0 was asked for. */
  | { readonly kind: "socket"; readonly listener: ListenerInfo; readonly bound: ListenAddress }
  | { readonly kind: "state"; readonly state: HandedOver }
  /** Accept, and take the control socket. */
  | { readonly kind: "commit" }
  /** Since `state`, every delta of its workers. */
  | CountsMessage
  | { readonly kind: "done"; readonly id: number }
  | { readonly kind: "refused"; readonly id: number; readonly reason: string }
  /** All its workers have ended and everything they counted was sent. */
  | { readonly kind: "bye" };

export type SuccessorMessage =
  | { readonly kind: "hello"; readonly protocol: number; readonly pid: number }
  /** Its workers have the tables, but do not accept yet. */
  | { readonly kind: "prepared" }
  | { readonly kind: "committed" }
  | { readonly kind: "failed"; readonly why: string }
  /** For the workers of the old generation. */
  | { readonly kind: "tell"; readonly message: HolderMessage };

/** Both sides must mean the same by the messages above. */
export const SUCCESSION_PROTOCOL = 1;

/** What the new generation has to know to go on where the old one is. */
export interface HandedOver extends CountsData {
  /** Stays the same, because the counts go on. */
  readonly boot: string;
  /** The holder that hands over. */
  readonly pid: number;
  readonly tables: readonly RouteTable[];
  readonly health: readonly HealthVerdict[];
}

/** A target that fails its health checks. */
export interface HealthVerdict {
  readonly app: string;
  readonly instance: InstanceName;
  readonly lastFailure: string | null;
}
