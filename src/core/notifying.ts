import type { Failure } from "../base/error.ts";
import { order, type Draft } from "./draft.ts";
import { seconds } from "./instances.ts";
import type { Notification, Notified } from "./notification.ts";
import type { Deployment } from "./state.ts";

/** Orders that everybody who asked for it is told. The order outlives the deployment, which never waits for it. */
export function notify(draft: Draft, event: Notified, reason: Failure | null = null): void {
  const { deployment } = draft.state;
  for (const { target, events } of deployment?.notifications ?? []) {
    if (deployment !== null && events.includes(event))
      order(draft, { kind: "notify", target, notification: notificationOf(draft, deployment, event, reason) }, null);
  }
}

function notificationOf(
  { at, state: { app } }: Draft,
  deployment: Deployment,
  event: Notified,
  reason: Failure | null,
): Notification {
  const { name, kind, by, from, to, startedAt, stage, tasks = {} } = deployment;
  const retries = Object.values(tasks).filter(({ retriedAs }) => retriedAs !== undefined).length;
  const place = event === "paused" ? `/${String(stage)}${retries === 0 ? "" : `/${String(retries)}`}` : "";
  const why =
    reason === null ? null : { code: reason.code, what: reason.what, ...(reason.why === undefined ? {} : { why: reason.why }) };
  return {
    id: `${app}/${name}/${event}${place}`,
    event,
    text: [`${app} ${name}: ${kind} ${way(deployment)} ${told(event, at - startedAt)}.`, reason?.what, reason?.why]
      .filter(Boolean)
      .join(" "),
    app,
    deployment: name,
    kind,
    by,
    from,
    to,
    at,
    startedAt,
    reason: why,
  };
}

function way({ from, to }: Deployment): string {
  return from === null ? (to ?? "") : `${from} → ${to ?? "nothing"}`;
}

function told(event: Notified, ms: number): string {
  switch (event) {
    case "started":
      return "has started";
    case "promoted":
      return `is done in ${seconds(ms)}`;
    case "rolled-back":
      return `went back after ${seconds(ms)}`;
    case "failed":
      return "failed, and going back failed too: what serves is left running";
    case "paused":
      return "waits for a person: `hitless promote` goes on, `hitless abort` goes back";
  }
}
