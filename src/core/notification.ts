import type { Failure } from "../base/error.ts";
import type { TaskCommand } from "./task.ts";

/** What somebody outside can be told of a deployment. `paused`: it waits for a person. */
export const NOTIFIED = ["started", "promoted", "rolled-back", "failed", "paused"] as const;
export type Notified = (typeof NOTIFIED)[number];

export type NotificationTarget =
  /** POST of the notification as JSON. `env:NAME`: the address is in the environment of the release, for it may hold a key. */
  | { readonly kind: "webhook"; readonly url: string; readonly timeoutMs: number }
  | { readonly kind: "command"; readonly command: TaskCommand; readonly timeoutMs: number };

export interface NotificationSpec {
  readonly target: NotificationTarget;
  readonly events: readonly Notified[];
}

/** As it is sent, as JSON. It may come more than once: `id` is the same then. Times are milliseconds since the epoch. */
export interface Notification {
  readonly id: string;
  readonly event: Notified;
  /** One sentence for people; also what chat services show. */
  readonly text: string;
  readonly app: string;
  readonly deployment: string;
  readonly kind: string;
  readonly by: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly at: number;
  readonly startedAt: number;
  /** Why it went back or is paused; without details, which may be lines of a log. */
  readonly reason: Pick<Failure, "code" | "what" | "why"> | null;
}
