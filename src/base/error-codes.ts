/**
 * Every error Hitless can show, in one place: its kind decides the exit code, `meaning` is the one-line text of docs/errors.md.
 * A code is part of the public contract: it is never renamed or reused.
 */
export const ERROR_KINDS = {
  usage: { exit: 2 },
  config: { exit: 3 },
  conflict: { exit: 5 },
  unhealthy: { exit: 6 },
  unavailable: { exit: 7 },
  timeout: { exit: 8 },
  mixed: { exit: 9 },
  aborted: { exit: 130 },
  invariant: { exit: 70 },
} as const;

export type ErrorKind = keyof typeof ERROR_KINDS;

export const ERROR_CODES = {
  ERR_USAGE: { kind: "usage", meaning: "A command was called with words or options it does not take." },
  ERR_CONFIG_NOT_FOUND: { kind: "config", meaning: "No configuration file in this directory." },
  ERR_CONFIG_INVALID: { kind: "config", meaning: "The configuration file has problems; all of them are listed." },
  ERR_CONFIG_UNREADABLE: { kind: "config", meaning: "The configuration file could not be read or parsed." },
  ERR_ENV_MISSING: { kind: "config", meaning: "An `env:` reference or an env file names something that does not exist." },
  ERR_STATE_DIRECTORY: {
    kind: "config",
    meaning: "The state directory cannot be used (not writable, or its path is too long for a socket).",
  },
  ERR_TLS_INVALID: { kind: "config", meaning: "Certificates or keys of `tls` cannot be used; all problems are listed." },
  ERR_NODE_TOO_OLD: { kind: "config", meaning: "This Node.js is older than the one Hitless needs." },
  ERR_SOURCE_MISSING: { kind: "config", meaning: "The release source directory does not exist or is not a directory." },
  ERR_SOURCE_UNREADABLE: {
    kind: "config",
    meaning: "The release source holds files that cannot be copied (sockets, devices, unreadable files, dangling links).",
  },
  ERR_BUILD_FAILED: { kind: "unhealthy", meaning: "The build command failed in the snapshot." },
  ERR_DISK_FULL: { kind: "unavailable", meaning: "The disk is full; what was written of the unfinished release was removed." },
  ERR_SNAPSHOT_FAILED: { kind: "unavailable", meaning: "The release could not be copied into the state directory." },
  ERR_RELEASE_UNKNOWN: { kind: "usage", meaning: "No such release is kept; the valid ones are listed." },
  ERR_DEPLOYMENT_UNKNOWN: { kind: "usage", meaning: "No such deployment; the latest ones are listed." },
  ERR_INSTANCE_UNKNOWN: { kind: "usage", meaning: "No such instance; the known ones are listed." },
  ERR_APP_UNKNOWN: { kind: "usage", meaning: "The daemon does not know this app." },
  ERR_PROCESS_TYPE_UNKNOWN: { kind: "usage", meaning: "The active release has no such process type." },
  ERR_NO_ROLLBACK_TARGET: { kind: "usage", meaning: "There is no earlier release to go back to." },
  ERR_NOTHING_RUNNING: { kind: "usage", meaning: "There is no deployment to abort, or no active release to act on." },
  ERR_NOT_NOW: {
    kind: "conflict",
    meaning: "The running deployment cannot be told so in the state it is in; what can be said to it is listed.",
  },
  ERR_NOTHING_TO_RETRY: {
    kind: "usage",
    meaning: "No release that went back is kept, or it cannot be deployed again as things are; the reason is said.",
  },
  ERR_GATE_OPEN: { kind: "usage", meaning: "There is no pause, or no maintenance, to end." },
  ERR_DEPLOYMENT_RUNNING: { kind: "conflict", meaning: "Another deployment of this app is running." },
  ERR_FROZEN: {
    kind: "conflict",
    meaning: "A freeze window is open: nothing new is deployed until it closes, or without `--override`.",
  },
  ERR_SUPERSEDED: { kind: "conflict", meaning: "A newer deployment took the place of this one, which went back." },
  ERR_DAEMON_RUNNING: { kind: "conflict", meaning: "Another daemon already works on this state directory." },
  ERR_STATE_SERVER_RUNNING: { kind: "conflict", meaning: "Another state server already works on this data directory." },
  ERR_STALE_EPOCH: { kind: "conflict", meaning: "A newer writer has taken over; this one must not act any more." },
  ERR_LISTEN_ADDRESS_TAKEN: { kind: "conflict", meaning: "The listen address is used by another program." },
  ERR_ROUTE_CONFLICT: { kind: "conflict", meaning: "Two apps claim the same host and path on one listen address." },
  ERR_LISTENER_CONFLICT: {
    kind: "conflict",
    meaning: "Apps that share a listen address want different things of its connections (`proxyProtocol.in`).",
  },
  ERR_FORWARDING_LOOP: {
    kind: "config",
    meaning: "The proxy answered 508: a request came back to it again and again. `Via` named the proxy eight times.",
  },
  ERR_COMMAND_NOT_FOUND: { kind: "unhealthy", meaning: "The instance's command does not exist." },
  ERR_INSTANCE_EXITED: { kind: "unhealthy", meaning: "An instance ended before it was ready." },
  ERR_INSTANCE_UNREADY: { kind: "unhealthy", meaning: "An instance did not become ready before its start deadline." },
  ERR_TASK_FAILED: { kind: "unhealthy", meaning: "A hook, a check or a gate failed." },
  ERR_STATEFUL: {
    kind: "unhealthy",
    meaning: "Answers depend on the node that a request goes to: the application is not stateless.",
  },
  ERR_STATELESS_UNCLEAR: {
    kind: "unavailable",
    meaning:
      "Whether the application is stateless could not be told: the journey fails or varies by itself, or there was nothing to compare.",
  },
  ERR_INSTANCE_SICK: {
    kind: "unhealthy",
    meaning: "An instance was ready and failed its health checks before its release was promoted.",
  },
  ERR_CRASH_LOOP: { kind: "unhealthy", meaning: "Instances of a release keep ending soon after their start." },
  ERR_DAEMON_UNREACHABLE: { kind: "unavailable", meaning: "No daemon answers on the socket in the state directory." },
  ERR_PROXY_UNREACHABLE: { kind: "unavailable", meaning: "The proxy's control socket does not answer." },
  ERR_PROXY_REFUSED: { kind: "unavailable", meaning: "The proxy refused what it was asked." },
  ERR_PROXY_UPGRADE: { kind: "unavailable", meaning: "A new generation of the proxy did not take over; the old one goes on." },
  ERR_STATE_SERVER_DATA: {
    kind: "unavailable",
    meaning: "The data of the state server were written by another version of Hitless, in a form that this one does not know.",
  },
  ERR_STATE_SERVER_UNREACHABLE: {
    kind: "unavailable",
    meaning: "The state server's control socket does not answer, or it did not start.",
  },
  ERR_STATE_SERVER_UPGRADE: {
    kind: "unavailable",
    meaning: "A new generation of the state server did not take over; the old one goes on.",
  },
  ERR_SESSIONS_UNREACHABLE: { kind: "unavailable", meaning: "The session store does not answer, or does not let Hitless in." },
  ERR_SESSIONS_MOVE: { kind: "config", meaning: "Sessions cannot be moved there; all reasons are listed. Nothing was begun." },
  ERR_SESSIONS_MOVING: {
    kind: "conflict",
    meaning: "Sessions are being moved to another store, and what was asked for cannot be done meanwhile.",
  },
  ERR_SESSIONS_MOVED: { kind: "conflict", meaning: "The configuration names a session store that the sessions have left." },
  ERR_SESSIONS_UNMARKED: {
    kind: "unhealthy",
    meaning:
      "Instances do not say that they write into both session stores: they do not use `hitless/session`. The move went back.",
  },
  ERR_HTTP_FAILED: { kind: "unavailable", meaning: "A server that a gate or a notification needs did not answer." },
  ERR_TIMEOUT: { kind: "timeout", meaning: "Something took longer than its limit." },
  ERR_ABORTED: { kind: "aborted", meaning: "An operator asked the deployment to go back." },
  ERR_MIXED: { kind: "mixed", meaning: "Going back failed too: what still serves was left running, on more than one release." },
  ERR_LOST_REQUESTS: { kind: "unhealthy", meaning: "The ledger shows lost requests." },
  ERR_DATABASE_SOURCES: {
    kind: "config",
    meaning: "Migrations or procedures cannot be read; all problems are listed with their places.",
  },
  ERR_DATABASE_REFUSED: {
    kind: "config",
    meaning: "A migration cannot be made safe as it is written; the reasons are listed, with the SQL to write instead.",
  },
  ERR_MIGRATION_CHANGED: { kind: "config", meaning: "A migration that has been applied was changed afterwards." },
  ERR_MIGRATION_FAILED: {
    kind: "conflict",
    meaning:
      "The migration tool that was used before has a migration that failed half-way; it is for that tool to bring to an end.",
  },
  ERR_DATABASE_URL: { kind: "config", meaning: "What should be the URL of the database is none; it says what it is instead." },
  ERR_DATABASE_UNREACHABLE: { kind: "unavailable", meaning: "The database does not answer, or does not let Hitless in." },
  ERR_DATABASE_SESSION: {
    kind: "config",
    meaning:
      "A session does not reach the database as its release: something between takes its options away. Nothing got traffic.",
  },
  ERR_DATABASE_PRIVILEGE: { kind: "config", meaning: "The database role lacks a privilege; it is named." },
  ERR_DATABASE_BUSY: { kind: "conflict", meaning: "Another runner is changing this app's database." },
  ERR_BACKFILL_INCOMPLETE: {
    kind: "unhealthy",
    meaning: "Some rows could not be filled; their keys are listed. All others are done.",
  },
  ERR_DATABASE_LOCKED: {
    kind: "timeout",
    meaning: "Somebody holds a lock that the change needs; who it is is shown. It can be tried again.",
  },
  ERR_DATABASE_FAILED: {
    kind: "unhealthy",
    meaning: "PostgreSQL refused a step; what was done before it is kept and can be continued or taken back.",
  },
  ERR_CONTRACTED: {
    kind: "conflict",
    meaning: "An older release cannot use the database any more: what only it needed has been removed.",
  },
  ERR_CONTRACT_WAITS: { kind: "conflict", meaning: "Old columns and procedures are still in use; what they wait for is listed." },
  ERR_STEPS_INVALID: { kind: "config", meaning: "Files in deploy/steps have problems; all of them are listed with their lines." },
  ERR_STEPS_UNFINISHED: {
    kind: "conflict",
    meaning:
      "Steps that a release requires are not done; they are listed with the time they should take, or what they wait to be told. Nothing was started.",
  },
  ERR_STEP_CONFLICT: { kind: "conflict", meaning: "Two releases want the same column changed by a step each." },
  ERR_STEP_UNKNOWN: { kind: "usage", meaning: "No such step; the known ones are listed." },
  ERR_STEP_BROKEN_OFF: {
    kind: "unhealthy",
    meaning: "A step that is not idempotent was ended in the middle; it is begun again only when somebody says so.",
  },
  ERR_STEP_FAILED: { kind: "unhealthy", meaning: "A step failed; what it printed last is shown. It can be tried again." },
  ERR_INVARIANT: { kind: "invariant", meaning: "Hitless broke one of its own rules: a bug. Nothing further was done." },
} as const satisfies Record<string, { kind: ErrorKind; meaning: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
