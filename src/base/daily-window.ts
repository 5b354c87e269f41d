import { timeWindow, type TimeWindowSpec } from "./time-window.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const DAY_MINUTES = 1_440;
const TEXT = /^(?:(\S+) +)?(\d\d):(\d\d) *[-–] *(\d\d):(\d\d) +(\S+)$/;

/**
 * Reads `01:00–05:00 Europe/Vienna`, or with the days on which it begins: `Mon-Fri 22:00-06:00 UTC`, `Sat,Sun 00:00-24:00 UTC`. Throws a
 * RangeError that says what is wrong.
 */
export function parseDailyWindow(text: string): TimeWindowSpec {
  const [found, days = "Sun-Sat", ...rest] = TEXT.exec(text.trim()) ?? [];
  const [fromHour = "", fromMinute = "", toHour = "", toMinute = "", timeZone = ""] = rest;
  if (found === undefined) throw new RangeError(`"${text}" is not a window such as "Mon-Fri 01:00-05:00 Europe/Vienna"`);
  const from = minutesOf(fromHour, fromMinute);
  const to = minutesOf(toHour, toMinute);
  if (from === DAY_MINUTES || from === to) throw new RangeError(`"${text}" has no length; a whole day is 00:00-24:00`);
  const spec = { kind: "daily", days: daysOf(days), from, to: to % DAY_MINUTES, timeZone } as const;
  timeWindow(spec);
  return spec;
}

function minutesOf(hour: string, minute: string): number {
  const minutes = Number(hour) * 60 + Number(minute);
  if (Number(minute) > 59 || minutes > DAY_MINUTES) throw new RangeError(`${hour}:${minute} is not a time of day`);
  return minutes;
}

/** In the order of the week: a range may go over its end, as `Fri-Mon` does. */
function daysOf(text: string): readonly number[] {
  const days = text.split(",").flatMap((part) => {
    const [first = "", last = first] = part.split("-", 2);
    const [start, end] = [dayOf(first), dayOf(last)];
    return Array.from({ length: ((end - start + 7) % 7) + 1 }, (_, index) => (start + index) % 7);
  });
  return [...new Set(days)].toSorted((a, b) => a - b);
}

function dayOf(text: string): number {
  const day = DAYS.indexOf(text);
  if (day === -1) throw new RangeError(`"${text}" is not a day: ${DAYS.join(", ")}`);
  return day;
}
