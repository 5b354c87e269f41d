import { identityOf, isRunning, type ProcessIdentity } from "../adapters/process/proc.ts";
import { acquireDaemonLock } from "../adapters/sqlite/daemon-lock.ts";
import { HitlessError } from "../base/error.ts";
import type { LeaseRules } from "../engine/lease.ts";
import type { Lease, Store } from "../ports/store.ts";

/** How long a daemon that hangs keeps its right to act. */
export const LEASE_MS = 15_000;

type DaemonLock = ReturnType<typeof acquireDaemonLock>;

const LOCK_RETRY_MS = 1_000;

/**
 * The lock says at once that a daemon has died; the lease says after its time that one hangs. A daemon that has taken the lease from one that hangs
 * gets the lock when that one ends.
 */
export class DaemonLease {
  readonly rules: LeaseRules;
  readonly #directory: string;
  #lock: DaemonLock | null;
  #retry: NodeJS.Timeout | null = null;

  private constructor(directory: string, lock: DaemonLock | null, ttlMs: number) {
    this.#directory = directory;
    this.#lock = lock;
    this.rules = {
      holder: nameOf(identityOf(process.pid)),
      ttlMs,
      isGone: ({ holder }) => this.#lock !== null && !holderRuns(holder),
    };
  }

  /** @throws ERR_DAEMON_RUNNING while another daemon acts, ERR_STATE_DIRECTORY */
  static async wanted(directory: string, store: Store, ttlMs: number): Promise<DaemonLease> {
    const attempt = tryLock(directory);
    // The daemon of an older version has the lock and no lease: it never loses it.
    if (attempt.lock === null && isCurrent(await store.lease())) throw attempt.error;
    return new DaemonLease(directory, attempt.lock, ttlMs);
  }

  /** The lease is taken: the lock comes as soon as it is free. */
  whenTaken(): void {
    this.#retry = setInterval(() => {
      this.#lock ??= tryLock(this.#directory).lock;
      if (this.#lock !== null) this.#stopTrying();
    }, LOCK_RETRY_MS);
    this.#retry.unref();
  }

  release(): void {
    this.#stopTrying();
    this.#lock?.release();
  }

  #stopTrying(): void {
    if (this.#retry !== null) clearInterval(this.#retry);
  }
}

/** The lock, or why it is not to be had. */
type LockAttempt = { readonly lock: DaemonLock; readonly error: null } | { readonly lock: null; readonly error: HitlessError };

function tryLock(directory: string): LockAttempt {
  try {
    return { lock: acquireDaemonLock(directory), error: null };
  } catch (error) {
    if (error instanceof HitlessError && error.code === "ERR_DAEMON_RUNNING") return { lock: null, error };
    throw error;
  }
}

/** One from the future is looked into by whoever takes it. */
function isCurrent(lease: Lease | null): boolean {
  const now = Date.now();
  return lease === null || (lease.renewedAt <= now && lease.expiresAt > now);
}

function nameOf(identity: ProcessIdentity | null): string {
  return `process ${String(process.pid)} (started at ${identity?.startTime ?? "?"}, boot ${identity?.boot ?? "?"})`;
}

function holderRuns(holder: string): boolean {
  const match = /^process (\d+) \(started at (\d+), boot (\S+)\)$/.exec(holder);
  return match === null || isRunning({ pid: Number(match[1]), startTime: match[2] ?? "", boot: match[3] ?? "" });
}
