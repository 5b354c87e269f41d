import type { Limits } from "./limits.ts";
import type { Router } from "./router.ts";

/** What a client connection needs from the worker it belongs to. */
export interface ClientHost {
  readonly limits: Limits;
  /** Key authorizations by token, for a certificate authority that asks. */
  readonly challenges: ReadonlyMap<string, string>;
  /** The worker finishes: every answer ends its connection. */
  isDraining(): boolean;
}

/** Where a connection came in. */
export interface Door {
  /** Tells whose the requests are. */
  readonly router: Router;
  readonly secure: boolean;
}
