import { timeWindow, type TimeWindowSpec } from "../../base/time-window.ts";
import type { StepDefinition } from "./step-definition.ts";

/** How a window is from one moment to the next at which that changes; `until` null: for ever. */
interface Stretch {
  readonly isOpen: boolean;
  readonly from: number;
  readonly until: number | null;
}

/** It is asked twice a second for days: what was found holds until it changes. */
const found = new WeakMap<TimeWindowSpec, Stretch>();

/** Why a step with that window may not work now; null: it may. */
export function windowText({ text, spec }: NonNullable<StepDefinition["window"]>, now: number): string | null {
  const { isOpen, until } = stretchAt(spec, now);
  if (isOpen) return null;
  return until === null ? `its window ${text} never opens` : `waits for its window, next ${wallClock(until, spec.timeZone)}`;
}

/** How long it is still open, in milliseconds; 0: it is closed; null: it never closes. */
export function windowLeftMs({ spec }: NonNullable<StepDefinition["window"]>, now: number): number | null {
  const { isOpen, until } = stretchAt(spec, now);
  if (!isOpen) return 0;
  return until === null ? null : until - now;
}

function stretchAt(spec: TimeWindowSpec, now: number): Stretch {
  const known = found.get(spec);
  if (known !== undefined && known.from <= now && (known.until === null || now < known.until)) return known;
  const times = timeWindow(spec);
  const stretch = { isOpen: times.isOpen(now), from: now, until: times.nextChange(now) };
  found.set(spec, stretch);
  return stretch;
}

/** `2026-12-01 03:00 Europe/Vienna` */
function wallClock(at: number, timeZone: string): string {
  const written = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" }).format(at);
  return `${written} ${timeZone}`;
}
