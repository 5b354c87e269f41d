import type { InstanceName } from "../../base/names.ts";
import type { LiveTarget } from "./live-target.ts";
import type { Route } from "./route.ts";

/** What has been tried so far for one request. */
export class Attempts {
  /** It was sent to an application, or should have been, more than once. */
  again = false;
  /** R1 has been made use of: once, and on a fresh connection. */
  repeated = false;
  /** So long connections to instances were tried for that did not come about. */
  dialledMs = 0;
  #tried: Set<InstanceName> | null = null;

  /** No target has been given up since the beginning, or since the request was held. */
  get isFirst(): boolean {
    return this.#tried === null;
  }

  /** A target that was not tried yet; `left` is one that was. */
  pickElsewhere(route: Route, left: LiveTarget | null): LiveTarget | null {
    if (left !== null) (this.#tried ??= new Set()).add(left.instance);
    return route.pick(this.#tried);
  }

  /** Where a served request counts; null where it never waited. */
  column(wait: object | null): "served" | "servedAfterRetry" | "servedAfterHold" {
    if (wait !== null) return "servedAfterHold";
    return this.again ? "servedAfterRetry" : "served";
  }

  /** All targets may be tried again. */
  forget(): void {
    this.#tried = null;
  }
}
