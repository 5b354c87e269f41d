import { nameNumber } from "../../base/names.ts";
import { createRng } from "../../base/rng.ts";
import type { Logger } from "../../base/log.ts";
import { ownUrl, type DatabaseSpec } from "../../core/database-spec.ts";
import { isLive } from "../../core/instances.ts";
import { awaitsContract, type ChangeSet } from "../../database/change-set.ts";
import type { AppState } from "../../core/state.ts";
import { all } from "../../core/instance-book.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Releases } from "../../ports/releases.ts";
import { LOOK_EVERY_MS, stillUsed, usageOf, type Place, type Usage } from "./gate.ts";
import { contract } from "./runner.ts";
import { Setbacks } from "./setbacks.ts";
import { nextTurn } from "./soft-contract.ts";
import { swapNames, swapsOf } from "./soft-swap.ts";
import type { StepRunner } from "./steps.ts";

export interface KeeperParts {
  readonly clock: Clock;
  readonly database: Database;
  readonly releases: Releases;
  readonly apps: () => readonly string[];
  readonly state: (app: string) => AppState | null;
  readonly log: Logger;
}

/** Removes what only old releases used, as soon as the last of them is really gone: no instance, no standby, no connection, no way back left open. */
export class ContractKeeper {
  readonly #parts: KeeperParts;
  readonly #end = new AbortController();
  /** Per app: what was seen to have nothing to do before a time, so that the database is not asked again and again. */
  readonly #settled = new Map<string, { readonly key: string; readonly untilMs: number }>();
  /** Per app: what was seen at the last look. */
  readonly #looks = new Map<string, Usage>();
  readonly #told = new Map<string, string>();
  readonly #setbacks = new Setbacks();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#end.abort();
  }

  /** What keeps it from removing what is due, for people. */
  problems(app: string): readonly string[] {
    const text = this.#setbacks.text(app, key(this.#parts.state(app)));
    return text === null ? [] : [`what only old releases used could not be removed from the database: ${text}`];
  }

  async #run(): Promise<void> {
    const { clock, apps, log } = this.#parts;
    while (!this.#end.signal.aborted) {
      for (const app of apps()) {
        await this.#look(app).catch((error: unknown) => {
          if (this.#end.signal.aborted) return;
          log.error("old columns and procedures could not be removed", { app, error: String(error) });
          this.#setbacks.note(app, key(this.#parts.state(app)), error);
        });
      }
      await clock.sleepUntil(clock.now() + LOOK_EVERY_MS, this.#end.signal).catch(() => undefined);
    }
  }

  async #look(app: string): Promise<void> {
    const state = this.#parts.state(app);
    if (state === null || state.active === null || this.#isSettled(app, state)) return;
    const spec = state.releases[state.active]?.spec.database;
    if (spec === undefined || !this.#isOver(state, spec) || !this.#setbacks.turn(app, key(state))) return;
    const { env } = await this.#parts.releases.workplace(app, state.active);
    const url = ownUrl(spec, env);
    if (url === undefined) this.#settle(app, state);
    else await this.#lookInto({ app, url, spec }, state, nameNumber(state.active) ?? 0);
  }

  async #lookInto(place: KeptPlace, state: AppState, active: number): Promise<void> {
    const sets = (await this.#parts.database.changeSets(place.url, place.app)).filter(awaitsContract);
    const ahead = sets.find((set) => set.release > active && typeof set.keptUntilMs === "number");
    // Somebody has gone back: when the newer release is active again, its time begins anew.
    if (ahead !== undefined) await this.#keep(place, { ...ahead, keptUntilMs: null });
    const open = sets.filter((set) => set.release <= active);
    const { next, untilMs } = nextTurn(open, place.spec, this.#parts.clock.now());
    const half = next === null ? await this.#halfSwapped(place, open) : null;
    const due = next?.set ?? half;
    if (due === null) this.#settle(place.app, state, untilMs);
    else if (!(await this.#areGone(place, due))) return;
    else if (next?.turn.kind === "remove") await this.#contract(place, due.release);
    else await this.#keep(place, { ...due, keptUntilMs: next?.turn.untilMs ?? due.keptUntilMs });
  }

  /** What is kept, but was not brought to its end: the base does not have all the names of the release yet. */
  async #halfSwapped({ app, url }: Place, open: readonly ChangeSet[]): Promise<ChangeSet | null> {
    for (const set of open.filter(({ plan, keptUntilMs }) => plan.swaps !== undefined && typeof keptUntilMs === "number")) {
      const journal = await this.#parts.database.journal(url, app, set.release);
      if (swapsOf(set, journal, "open").length > 0) return set;
    }
    return null;
  }

  #isSettled(app: string, state: AppState): boolean {
    const settled = this.#settled.get(app);
    return settled?.key === key(state) && this.#parts.clock.now() < settled.untilMs;
  }

  #settle(app: string, state: AppState, untilMs = Infinity): void {
    this.#settled.set(app, { key: key(state), untilMs });
    this.#setbacks.forget(app);
  }

  /** Seen by nobody's session and by no call at two looks, one after the other. */
  async #areGone(place: Place, open: ChangeSet): Promise<boolean> {
    const before = this.#looks.get(place.app) ?? null;
    const now = await usageOf(this.#parts.database, place, open);
    this.#looks.set(place.app, now);
    const reasons = stillUsed(now, before);
    this.#tell(place.app, reasons.join("; "));
    return reasons.length === 0 && before?.release === now.release && stillUsed(before, null).length === 0;
  }

  #tell(app: string, waits: string): void {
    if (waits !== "" && this.#told.get(app) !== waits) this.#parts.log.info("the contract waits", { app, waits });
    this.#told.set(app, waits);
  }

  /** The time for going back has passed, and nobody is on the way anywhere. */
  #isOver(state: AppState, { contractAfterMs }: DatabaseSpec): boolean {
    return isQuiet(state) && this.#parts.clock.now() >= (state.deployment?.endedAt ?? 0) + contractAfterMs;
  }

  /**
   * Writes down until when what only older releases use is kept, and then gives the base the names of the newer one: an older release that is
   * started meanwhile either sees that it was begun, or is seen.
   */
  async #keep(place: KeptPlace, set: ChangeSet): Promise<void> {
    await this.#leased(place, async (runner) => {
      const { lease } = runner;
      const now = (await lease.changeSets()).find(({ release }) => release === set.release);
      if (now?.state !== set.state) return;
      await lease.save(set);
      if (typeof set.keptUntilMs === "number") await swapNames(runner, set, () => this.#isQuietNow(place.app));
      const until = typeof set.keptUntilMs === "number" ? new Date(set.keptUntilMs).toISOString() : "its next contract";
      this.#parts.log.info("what only older releases use is kept", { app: place.app, release: set.release, until });
      this.#looks.delete(place.app);
    });
  }

  #isQuietNow(app: string): boolean {
    const now = this.#parts.state(app);
    return now !== null && isQuiet(now);
  }

  async #contract(place: KeptPlace, release: number): Promise<void> {
    const { app, url, spec } = place;
    await this.#leased(place, async (runner) => {
      const { state } = await contract(runner, release, () => this.#isQuietNow(app));
      this.#parts.log.info("the database after its contract", { app, release, state });
      this.#setbacks.forget(app);
      this.#looks.delete(app);
      if (spec.identity === "role" && state === "contracted") await this.#parts.database.dropRoles(url, app, release);
    });
  }

  async #leased({ app, url, spec }: KeptPlace, work: (runner: StepRunner) => Promise<void>): Promise<void> {
    const { clock, log } = this.#parts;
    const lease = await this.#parts.database.lease(url, app);
    try {
      const patience = {
        clock,
        rng: createRng(clock.now()),
        signal: this.#end.signal,
        lockTimeoutMs: spec.lockTimeoutMs,
        limitMs: spec.lockPatienceMs,
      };
      const note = (text: string): void => {
        log.info("contract", { app, step: text });
      };
      await work({ lease, patience, note });
    } finally {
      await lease.close();
    }
  }
}

interface KeptPlace extends Place {
  readonly spec: DatabaseSpec;
}

const key = (state: AppState | null): string =>
  `${state?.active ?? ""} ${state?.deployment?.name ?? ""} ${state?.deployment?.outcome ?? ""}`;

/** Nobody runs but the active release, and nobody is on the way anywhere. */
function isQuiet(state: AppState): boolean {
  if (state.deployment !== null && state.deployment.outcome === null) return false;
  if (state.standby !== undefined) return false;
  return all(state)
    .filter(isLive)
    .every(({ release }) => release === state.active);
}
