import { z } from "zod";
import { parseDailyWindow } from "../base/daily-window.ts";
import { timeWindow, type TimeWindowSpec } from "../base/time-window.ts";
import type { FreezeWindow } from "../core/freeze.ts";
import { duration } from "./units.ts";

const LONGEST_MS = 60 * 86_400_000;
const ENTRY = 'expected either window ("Mon-Fri 16:00-24:00 Europe/Vienna") or cron ("0 16 * * 5"), for ("62h") and timeZone';

const text = (expected: string) => z.string({ error: expected }).min(1, { error: expected }).max(100, { error: expected });

const entry = z
  .strictObject({
    name: text('expected a name for people, such as "weekend"').optional(),
    window: text("expected text").optional().describe("Days (all if none is named), two times, and a time zone."),
    cron: text("expected text").optional().describe("When it begins: minute, hour, day of month, month, day of week."),
    for: duration(60_000, LONGEST_MS).optional().describe("How long it lasts then."),
    timeZone: text("expected a time zone such as Europe/Vienna").optional(),
  })
  .transform((given, context): FreezeWindow => {
    try {
      return { name: given.name ?? given.window ?? given.cron ?? "", window: windowOf(given) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });

/** When nothing new is deployed. */
export const freeze = z
  .array(entry, { error: `expected a list of windows; ${ENTRY}` })
  .max(100)
  .default([])
  .describe("While one of these windows is open deployments are refused; rollbacks never are.");

interface Given {
  readonly window?: string | undefined;
  readonly cron?: string | undefined;
  readonly for?: number | undefined;
  readonly timeZone?: string | undefined;
}

/** @throws a RangeError that says what is wrong */
function windowOf({ window, cron, for: forMs, timeZone }: Given): TimeWindowSpec {
  const isWhole = cron !== undefined && forMs !== undefined && timeZone !== undefined;
  const isEmpty = cron === undefined && forMs === undefined && timeZone === undefined;
  if (window !== undefined && isEmpty) return parseDailyWindow(window);
  if (window !== undefined || !isWhole) throw new RangeError(ENTRY);
  const spec = { kind: "cron", cron, forMs, timeZone } as const;
  timeWindow(spec);
  return spec;
}
