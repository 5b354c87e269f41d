import type { ReleaseName } from "../base/names.ts";
import type { Batch, Strategy } from "./app-spec.ts";
import type { NotificationSpec } from "./notification.ts";
import type { FreezeWindow, Frozen } from "./freeze.ts";

/** A deployment of new code that was asked for; what the release is made from is staged under its name. */
export interface DeployOrder {
  readonly by: string;
  readonly release: ReleaseName;
  readonly strategy: Strategy | null;
  readonly batch: Batch | null;
  /** Also when nothing has changed. */
  readonly force: boolean;
  /** Who is told of it. Absent: nobody. */
  readonly notifications?: readonly NotificationSpec[] | undefined;
  /** Why it may begin although deployments are frozen. Absent: it may not. */
  readonly override?: string | undefined;
}

/** One that waits for its turn. */
export interface QueuedDeployment extends DeployOrder {
  /** When it was asked for, milliseconds since the epoch. */
  readonly since: number;
  readonly freeze: readonly FreezeWindow[];
  /** For which deployment number it was asked whether it may begin: once for each time the app comes free. Absent: not yet. */
  readonly asked?: number | undefined;
  /** What it waits for with a free app. Absent: nothing is frozen, as far as is known. */
  readonly frozen?: Frozen | undefined;
}
