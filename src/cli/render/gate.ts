import type { AppStatus } from "../../api/daemon.ts";
import { age, clock, count } from "./units.ts";

/** What a person wants to know of a pause: may I begin, how long have I, what happens then. */
export function pauseText({ app, pause, traffic }: AppStatus, now: number): readonly string[] {
  if (pause === null) return [];
  const { until, quietAt, since, then, by } = pause;
  const waiting = `${count(traffic?.held ?? 0)} requests wait`;
  const flight = quietAt === null ? "some are still in flight" : "nothing is in flight any more";
  if (then === "refuse" && now >= until) return [`${app} is paused beyond its limit: requests get 503 until \`hitless resume\``];
  const after = then === "resume" ? "then they go on by themselves" : "then they get 503 until `hitless resume`";
  return [
    `${app} is paused for ${age(now - since)}, by ${by}: ${flight}, ${waiting}`,
    `at most until ${clock(until)} (${age(until - now)}), ${after}`,
  ];
}

export function maintenanceText({ app, maintenance }: AppStatus, now: number): readonly string[] {
  if (maintenance === null) return [];
  const { status, since, by, allow, allowCookies } = maintenance;
  const through = [...allow, ...allowCookies.map((name) => `cookie ${name}`)].join(", ");
  return [
    `${app} is in maintenance for ${age(now - since)}, by ${by}: requests get a page with ${String(status)}`,
    ...(through === "" ? [] : [`through to the application: ${through}`]),
  ];
}
