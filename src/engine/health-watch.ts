import type { Logger } from "../base/log.ts";
import type { InstanceName } from "../base/names.ts";
import { running } from "../core/draft.ts";
import type { EventBody } from "../core/event.ts";
import { find, specOf } from "../core/instances.ts";
import type { TargetTraffic } from "../core/routes.ts";
import { DEFAULT_REPLACE_AFTER_MS } from "../core/app-spec.ts";
import type { AppState, Instance } from "../core/state.ts";
import type { Clock } from "../ports/clock.ts";
import type { Traffic } from "../ports/traffic.ts";
import { HealthRecord } from "./health-record.ts";

const EVERY_MS = 1_000;
/** Within its deployment a release is judged sooner: the way back is still open. */
const IN_DEPLOYMENT_MS = 5_000;

export type HealthEvent = Extract<EventBody, { kind: "instance.sick" | "instance.well" }>;

/** The engine as the watch sees it. */
export interface WatchedApps {
  apps(): readonly string[];
  state(app: string): AppState | null;
  report(app: string, event: HealthEvent): Promise<void>;
}

export interface HealthWatchPorts {
  readonly clock: Clock;
  readonly traffic: Pick<Traffic, "present">;
  readonly log: Logger;
}

/** Asks the proxy now and then which instances it passes over, and tells the engine of those that it does for too long. */
export class HealthWatch {
  readonly #apps: WatchedApps;
  readonly #ports: HealthWatchPorts;
  readonly #records = new Map<string, HealthRecord>();
  /** Counted in looks, so that a clock that is set makes nobody sick. */
  #now = 0;

  constructor(apps: WatchedApps, ports: HealthWatchPorts) {
    this.#apps = apps;
    this.#ports = ports;
  }

  /** Ends when `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#ports;
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      try {
        await clock.sleepUntil(clock.now() + EVERY_MS, signal);
        await this.look();
      } catch (error) {
        if (!isOver()) log.warn("the health of instances could not be looked at", { error: String(error) });
      }
    }
  }

  /** Looks once at every app. */
  async look(): Promise<void> {
    this.#now += EVERY_MS;
    const seen = new Set<string>();
    for (const app of this.#apps.apps()) {
      const state = this.#apps.state(app);
      if (state === null || state.suspended || !state.routes.installed) continue;
      // A proxy that does not answer says nothing about the instances.
      const present = await this.#ports.traffic.present(app).catch(() => null);
      for (const target of present?.targets ?? []) {
        seen.add(`${app}/${target.instance}`);
        await this.#judge(app, target);
      }
    }
    for (const key of this.#records.keys()) if (!seen.has(key)) this.#records.delete(key);
  }

  async #judge(app: string, { instance: name, state: seen, lastFailure }: TargetTraffic): Promise<void> {
    const state = this.#apps.state(app);
    const instance = state === null ? undefined : find(state, name);
    if (state === null || instance?.status !== "serving" || !instance.routed) return;
    const sickAfterMs = limitOf(state, instance);
    if (sickAfterMs === null) return;
    const change = this.#recordOf(app, name).look(this.#now, seen === "down", {
      isSick: instance.sick !== undefined,
      sickAfterMs,
    });
    if (change === "sick")
      await this.#apps.report(app, { kind: "instance.sick", instance: name, saw: lastFailure ?? "no answer" });
    if (change === "well") await this.#apps.report(app, { kind: "instance.well", instance: name });
  }

  #recordOf(app: string, name: InstanceName): HealthRecord {
    const key = `${app}/${name}`;
    const record = this.#records.get(key) ?? new HealthRecord(this.#now);
    this.#records.set(key, record);
    return record;
  }
}

/** Down for so long is sick; null: never. */
function limitOf(state: AppState, instance: Instance): number | null {
  const after = specOf(state, instance)?.replaceAfterMs;
  const limit = after === undefined ? DEFAULT_REPLACE_AFTER_MS : after;
  const deployment = running(state);
  const isNew = deployment?.generation === instance.generation && deployment.generation !== deployment.fromGeneration;
  return limit === null || !isNew ? limit : Math.min(limit, IN_DEPLOYMENT_MS);
}
