import { HitlessError } from "../src/base/error.ts";
import type { FreezeWindow } from "../src/core/freeze.ts";
import type { Deployment } from "../src/core/state.ts";
import type { EventBody } from "../src/core/event.ts";
import type { JournalEntry } from "../src/ports/store.ts";
import type { SimClock } from "./clock.ts";

const MINUTE_MS = 60_000;
const CYCLE_MINUTES = 5;
const FROZEN_MINUTES = 2;
/** What was decided so long ago may be written down only now, and the clock may have been set in between. */
const DOUBT_MS = 30_000;

/** The first two of every five minutes. */
export const SIM_FREEZE: readonly FreezeWindow[] = [
  {
    name: "sim",
    window: { kind: "cron", cron: `*/${String(CYCLE_MINUTES)} * * * *`, forMs: FROZEN_MINUTES * MINUTE_MS, timeZone: "UTC" },
  },
];

/** What was asked of the engine, and what it refused it with. */
export interface Answer {
  readonly event: Pick<EventBody, "kind"> & { readonly override?: string | undefined; readonly whenBusy?: string | undefined };
  /** Null: it was accepted. */
  readonly code: string | null;
}

/** Watches from outside that nothing new is deployed while deployments are frozen, that nothing else is refused for it, and what is recorded. */
export class FreezeWatch {
  readonly #clock: SimClock;
  readonly #onViolation: (rule: string) => void;
  readonly #overrides = new Map<string, string>();

  constructor(clock: SimClock, onViolation: (rule: string) => void) {
    this.#clock = clock;
    this.#onViolation = onViolation;
  }

  whenAnswered({ event: { kind, override, whenBusy }, code }: Answer): void {
    const isNew = kind === "deploy.requested" || kind === "retry.requested";
    const isFrozen = this.#isFrozen(this.#clock.now());
    if (code === "ERR_FROZEN" && !isNew) this.#onViolation(`${kind} was refused because deployments are frozen`);
    if (code === "ERR_FROZEN" && isFrozen === false) this.#onViolation(`${kind} was refused while nothing is frozen`);
    if (code === "ERR_FROZEN" && override !== undefined) this.#onViolation(`${kind} was refused in spite of its reason`);
    const isAccepted = code === null && kind === "deploy.requested" && override === undefined && whenBusy !== "queue";
    if (isAccepted && isFrozen === true) this.#onViolation(`${kind} was accepted while deployments are frozen`);
  }

  whenEntry({ commands, event, deployment }: JournalEntry): void {
    if (deployment === null || !commands.some(({ kind }) => kind === "release.create")) return;
    const override = "override" in event ? event.override : undefined;
    if (override !== undefined) this.#overrides.set(deployment, override);
    else if (this.#isFrozen(event.at) === true) this.#onViolation(`${deployment} began while deployments were frozen`);
  }

  whenEnded({ name, override }: Deployment): void {
    const said = this.#overrides.get(name);
    if (said !== override) this.#onViolation(`${name} began because of "${String(said)}", on record is "${String(override)}"`);
  }

  /** Null: it cannot be told, as a window has opened or closed just before, or the clock was set. */
  #isFrozen(at: number): boolean | null {
    if (this.#clock.monotonic() - this.#clock.setAt < DOUBT_MS) return null;
    const [now, before] = [isFrozen(at), isFrozen(at - DOUBT_MS)];
    return now === before ? now : null;
  }
}

/** The code of the refusal, or of whatever else went wrong; null: it did not. */
export async function codeOf(asked: Promise<unknown>): Promise<string | null> {
  try {
    await asked;
    return null;
  } catch (error) {
    return error instanceof HitlessError ? error.code : "other";
  }
}

function isFrozen(at: number): boolean {
  return Math.floor(at / MINUTE_MS) % CYCLE_MINUTES < FROZEN_MINUTES;
}
