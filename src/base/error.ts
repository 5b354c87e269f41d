import { ERROR_CODES, ERROR_KINDS, type ErrorCode } from "./error-codes.ts";

/** What went wrong in the one shape that every program, the wire and the terminal share. */
export interface Failure {
  readonly code: ErrorCode;
  /** One sentence: what happened, with the nouns in it. */
  readonly what: string;
  /** The cause as far as it was seen. */
  readonly why?: string;
  /** What the reader can do now. */
  readonly next?: string;
  /** Further lines, such as every problem of a config or an instance's last output. */
  readonly details?: readonly string[];
}

/** The only error class that is thrown on purpose. Match on `code`, never on the message. */
export class HitlessError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, options?: { cause?: unknown }) {
    super(failure.why === undefined ? failure.what : `${failure.what} ${failure.why}`, options);
    this.name = "HitlessError";
    this.failure = failure;
  }

  get code(): ErrorCode {
    return this.failure.code;
  }
}

/** The process exit code for a failure, by the kind of its code. */
export function exitCodeOf(code: ErrorCode): number {
  return ERROR_KINDS[ERROR_CODES[code].kind].exit;
}

/** Turns anything caught into a Failure; unknown errors keep their message and get the given code. */
export function toFailure(error: unknown, code: ErrorCode, what: string): Failure {
  if (error instanceof HitlessError) return error.failure;
  return { code, what, why: error instanceof Error ? error.message : String(error) };
}

/** Fails loudly on a broken rule of our own, in production too: the journal brings us back. */
export function assert(condition: boolean, rule: string): asserts condition {
  if (condition) return;
  throw new HitlessError({
    code: "ERR_INVARIANT",
    what: `A rule of Hitless itself does not hold: ${rule}.`,
    next: "Please report this with the output of `hitless history --json`.",
  });
}
