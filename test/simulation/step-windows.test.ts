import { expect, test } from "vitest";
import { ROWS } from "../../sim/steps/database.ts";
import { PIECES } from "../../sim/steps/programs.ts";
import { APP, StepWorld } from "../../sim/steps/world.ts";
import { parseDailyWindow } from "../../src/base/daily-window.ts";
import { createRng } from "../../src/base/rng.ts";
import type { StepRecord } from "../../src/core/preparation/step-record.ts";
import type { StepDefinition, StepWork } from "../../src/core/preparation/step-definition.ts";
import { step } from "../support/steps.ts";

const UPDATE: StepWork = { kind: "update", table: "items", set: "b = 1", where: "b IS NULL" };
const SQL: StepWork = { kind: "sql", sql: "UPDATE items SET a = 1", alone: false };
const COMMAND: StepWork = { kind: "command", command: "work" };

/** One step with a window, prepared when a clock on the wall shows that. */
class Night {
  readonly world: StepWorld;
  readonly #step: StepDefinition;

  private constructor(world: StepWorld, only: StepDefinition) {
    this.world = world;
    this.#step = only;
  }

  static async at(time: string, window: string, work: StepWork): Promise<Night> {
    const only = step("0001-a", { work, window: { text: window, spec: parseDailyWindow(window) } });
    const world = new StepWorld({ rng: createRng(1), steps: [only], crash: { at: 0, when: "before" }, faultShare: 0 });
    const night = new Night(world, only);
    night.setClock(time);
    await world.boot();
    const prepared = world.prepare();
    await night.until(() => world.desk?.list(APP).length === 1);
    await prepared;
    return night;
  }

  setClock(time: string): void {
    this.world.clock.set(Date.parse(time) - this.world.clock.now());
  }

  get record(): StepRecord | undefined {
    return this.world.desk?.list(APP)[0];
  }

  /** Units of the work that were done, and how often any was done at most. */
  get done(): { readonly units: number; readonly most: number } {
    const counts = [...this.world.watch.effects].flatMap(([key, count]) =>
      key.startsWith(`${this.#step.name}/`) ? [count] : [],
    );
    return { units: counts.length, most: Math.max(0, ...counts) };
  }

  async until(condition: () => boolean): Promise<void> {
    for (let steps = 0; !condition(); steps++) {
      if (steps > 20_000) throw new Error(`never; the step is ${JSON.stringify(this.record)}`);
      await this.world.step();
    }
  }
}

test.each([
  ["an update stops after its batch", UPDATE, ROWS],
  ["a program is ended at its checkpoint", COMMAND, PIECES],
])("a window that closes in the middle: %s, says when it goes on, and does so from there", async (_title, work, units) => {
  const night = await Night.at("2026-06-01T02:59:56Z", "01:00-05:00 Europe/Vienna", work);
  await night.until(() => night.record?.state === "waiting" && night.done.units > 0);
  expect(night.done.units).toBeLessThan(units);
  expect(night.record).toMatchObject({ attempt: 1, reason: "waits for its window, next 2026-06-02 01:00 Europe/Vienna" });
  expect(night.world.clock.now() - Date.parse("2026-06-01T03:00:00Z")).toBeLessThan(1_500);
  night.setClock("2026-06-01T22:59:58Z");
  await night.until(() => night.record?.state === "done");
  expect(night.world.clock.now()).toBeGreaterThanOrEqual(Date.parse("2026-06-01T23:00:00Z"));
  expect(night.record?.attempt).toBe(2);
  expect(night.done).toEqual({ units, most: 1 });
  expect(night.world.watch.violations).toEqual([]);
});

test("a window that closes in the middle of SQL: it is taken back, says so, and is begun anew in the next one", async () => {
  const night = await Night.at("2026-06-01T02:59:56Z", "01:00-05:00 Europe/Vienna", SQL);
  await night.until(() => night.record?.state === "waiting" && night.record.cuts === 1);
  expect(night.done.units).toBe(0);
  expect(night.record?.reason).toBe("waits for its window, next 2026-06-02 01:00 Europe/Vienna");
  expect(night.world.clock.now() - Date.parse("2026-06-01T03:00:00Z")).toBeLessThan(1_500);
  night.setClock("2026-06-01T22:59:58Z");
  await night.until(() => night.record?.state === "done");
  expect(night.done).toEqual({ units: 1, most: 1 });
  expect(night.world.watch.violations).toEqual([]);
});

test("and when nobody is there any more, the server ends it by itself", async () => {
  const night = await Night.at("2026-06-01T02:59:58Z", "01:00-05:00 Europe/Vienna", SQL);
  await night.until(() => night.record?.state === "running");
  await night.until(() => night.world.clock.now() >= Date.parse("2026-06-01T02:59:59Z"));
  night.world.kill();
  void night.world.clock.pass(30_000).then(() => night.world.boot());
  await night.until(() => night.record?.state === "waiting");
  expect(night.done.units).toBe(0);
  expect(night.world.watch.violations).toEqual([]);
});

test("the hour that is left out: a window that would begin in it begins after it, and closes when the clock says so", async () => {
  const night = await Night.at("2026-03-29T00:59:59Z", "02:30-03:30 Europe/Vienna", UPDATE);
  await night.until(() => night.record?.reason === "waits for its window, next 2026-03-29 03:00 Europe/Vienna");
  await night.until(() => night.done.units > 0);
  night.setClock("2026-03-29T01:30:00Z");
  await night.until(() => night.record?.reason === "waits for its window, next 2026-03-30 02:30 Europe/Vienna");
  expect(night.done.units).toBeLessThan(ROWS);
});

test("the hour that comes twice: a window in it is open the first time only", async () => {
  const night = await Night.at("2026-10-25T00:30:00Z", "02:30-02:45 Europe/Vienna", UPDATE);
  await night.until(() => night.done.units > 0);
  night.setClock("2026-10-25T00:45:00Z");
  const waits = "waits for its window, next 2026-10-26 02:30 Europe/Vienna";
  await night.until(() => night.record?.reason === waits);
  const { units } = night.done;
  night.setClock("2026-10-25T01:30:00Z");
  for (let count = 0; count < 50; count++) await night.world.step();
  expect(night.record).toMatchObject({ state: "waiting", reason: waits });
  expect(night.done.units).toBe(units);
});
