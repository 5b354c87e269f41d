/** Why an order came to nothing. */
export class AcmeFailure extends Error {
  /** The authority was not there (or not well): nothing of what it counts was used up. */
  readonly away: boolean;
  /** It does not know our account (any more). */
  readonly accountUnknown: boolean;
  /** Milliseconds it asked us to wait. */
  readonly retryAfterMs: number;

  constructor(message: string, kind: { away?: boolean; accountUnknown?: boolean; retryAfterMs?: number } = {}) {
    super(message);
    this.away = kind.away ?? false;
    this.accountUnknown = kind.accountUnknown ?? false;
    this.retryAfterMs = kind.retryAfterMs ?? 0;
  }
}

/** What an authority answered when it refused (RFC 8555 section 6.7). */
export interface AcmeProblem {
  readonly status: number;
  readonly type: string;
  readonly retryAfter: string | null;
}

const ACCOUNT_PROBLEMS = /:(?:accountDoesNotExist|unauthorized)$/;

/** `problem`: the last refusal of the order; null if no answer was a refusal. `validated`: the authority had begun to check us. */
export function acmeFailure(error: unknown, problem: AcmeProblem | null, validated: boolean): AcmeFailure {
  const message = sentenceOf(error);
  if (problem === null) return new AcmeFailure(message, { away: !validated });
  return new AcmeFailure(message, {
    away: problem.status >= 500,
    accountUnknown: !validated && ACCOUNT_PROBLEMS.test(problem.type),
    retryAfterMs: retryAfterMs(problem.retryAfter),
  });
}

/** Seconds or a date (RFC 9110 section 10.2.3). */
function retryAfterMs(value: string | null): number {
  if (value === null) return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** Several addresses that all refuse make an error without a message. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return (error.message === "" ? (code ?? error.name) : error.message).replace(/\s+/g, " ").slice(0, 500);
}
