import { HitlessError } from "../base/error.ts";
import { redactor, secretsOf } from "../base/redact.ts";
import type { Command } from "../core/command.ts";
import type { Notification, NotificationTarget } from "../core/notification.ts";
import type { Clock } from "../ports/clock.ts";
import type { Http } from "../ports/http.ts";
import type { Jobs } from "../ports/jobs.ts";
import type { Releases, Workplace } from "../ports/releases.ts";

export interface NotifyPorts {
  readonly clock: Clock;
  readonly http: Http;
  readonly jobs: Jobs;
  readonly releases: Releases;
}

interface Watch {
  readonly signal: AbortSignal;
  /** Told of the first failure in a row, and that it is given up. */
  readonly say: (text: string) => void;
}

type NotifyCommand = Extract<Command, { kind: "notify" }>;

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
const GIVEN_UP_MS = 24 * 3_600_000;
const REFERENCE = "env:";

/**
 * Tells one receiver, again and again with pauses that double, until it has taken the notification or a day is over. Resolves in either case;
 * taken up after a crash it begins anew, so that a receiver may be told twice.
 */
export async function deliver(ports: NotifyPorts, app: string, command: NotifyCommand, { signal, say }: Watch): Promise<void> {
  const { clock } = ports;
  const giveUpAt = command.notification.at + GIVEN_UP_MS;
  for (let attempt = 1, pauseMs = FIRST_PAUSE_MS; ; attempt += 1, pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const problem = await tried(ports, app, { command, attempt, signal });
    if (problem === null) return;
    const isOver = clock.now() + pauseMs > giveUpAt;
    const what = `the notification "${command.notification.event}" could not be delivered: ${problem}`;
    if (attempt === 1 || isOver) say(isOver ? `${what}; it is given up` : `${what}; it is tried again for a day`);
    if (isOver) return;
    await clock.sleepUntil(clock.now() + pauseMs, signal);
  }
}

interface Attempt {
  readonly command: NotifyCommand;
  readonly attempt: number;
  readonly signal: AbortSignal;
}

/** Null when it has been taken; otherwise why not. */
async function tried(ports: NotifyPorts, app: string, { command, attempt, signal }: Attempt): Promise<string | null> {
  const { target, notification } = command;
  try {
    const workplace = await workplaceOf(ports.releases, app, notification);
    const told = withoutSecrets(notification, workplace);
    if (target.kind === "webhook") return await posted(ports, { target, told, workplace, signal });
    return await ran(ports, { target, told, workplace, signal, app, job: `${command.id}/${String(attempt)}` });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof HitlessError)) throw error;
    return [error.failure.what, error.failure.why].filter((part) => part !== undefined).join(" ");
  }
}

interface Telling<T> {
  readonly target: T;
  readonly told: Notification;
  readonly workplace: Workplace | null;
  readonly signal: AbortSignal;
}

type Of<K extends NotificationTarget["kind"]> = Extract<NotificationTarget, { kind: K }>;

async function posted(
  { http }: NotifyPorts,
  { target, told, workplace, signal }: Telling<Of<"webhook">>,
): Promise<string | null> {
  const url = target.url.startsWith(REFERENCE) ? workplace?.env[target.url.slice(REFERENCE.length)] : target.url;
  if (url === undefined || !URL.canParse(url))
    return `no address in ${target.url.slice(REFERENCE.length)} of the release's environment`;
  const headers = { "content-type": "application/json", "user-agent": "hitless", "idempotency-key": told.id };
  const request = { method: "POST", url, headers, body: JSON.stringify(told), timeoutMs: target.timeoutMs };
  const { status } = await http.send(request, signal);
  return status >= 200 && status < 300 ? null : `${new URL(url).origin} answered ${String(status)}`;
}

async function ran(
  { jobs }: NotifyPorts,
  { target, told, workplace, signal, app, job }: Telling<Of<"command">> & { readonly app: string; readonly job: string },
): Promise<string | null> {
  if (workplace === null) return "no release is kept in whose directory the command could be run";
  const { directory, env } = workplace;
  const about = { HITLESS_APP: app, HITLESS_EVENT: told.event, HITLESS_NOTIFICATION: JSON.stringify(told) };
  const launch = { directory, command: target.command, env: { ...env, ...about } };
  const { how } = await jobs.run(
    { app, job, launch, timeoutMs: target.timeoutMs, secrets: secretsOf(env) },
    { onOutput: () => undefined, signal },
  );
  if (how.kind !== "exited") return `the command ended by ${how.kind}`;
  return how.code === 0 ? null : `the command exited with code ${String(how.code)}`;
}

/** A release that failed is gone by then: its predecessor's environment tells the same. */
async function workplaceOf(releases: Releases, app: string, { to, from }: Notification): Promise<Workplace | null> {
  for (const release of [to, from]) {
    const found = release === null ? null : await releases.workplace(app, release).catch(() => null);
    if (found !== null) return found;
  }
  return null;
}

function withoutSecrets(notification: Notification, workplace: Workplace | null): Notification {
  const redacted = redactor(secretsOf(workplace?.env ?? {}));
  const { text, reason } = notification;
  if (reason === null) return notification;
  const why = reason.why === undefined ? {} : { why: redacted(reason.why) };
  return { ...notification, text: redacted(text), reason: { ...reason, what: redacted(reason.what), ...why } };
}
