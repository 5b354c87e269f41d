import type { SessionsStatus } from "../../api/sessions.ts";
import { table } from "./table.ts";
import { age, bytes, count } from "./units.ts";

export function renderSessions(status: SessionsStatus): readonly string[] {
  const { store, ours, ratePerSecond, memoryBytes, oldestMs, looked, byRelease } = status;
  const facts = [
    ["store", ours ? `${store} (run by Hitless)` : store],
    ["sessions", count(status.count)],
    ["commands", ratePerSecond === null ? "–" : `${count(Math.round(ratePerSecond))} per second`],
    ["memory", memoryBytes === null ? "–" : bytes(memoryBytes)],
    ["oldest", oldestMs === null ? "–" : `not used for ${age(oldestMs)}`],
  ];
  if (byRelease.length === 0) return table([{ title: status.app }, { title: "" }], facts);
  const rows = byRelease.map(({ release, count: written }) => [release ?? "not known", count(written)]);
  const whole = looked === status.count ? [] : [`(of ${count(looked)} that were looked at)`];
  return [
    ...table([{ title: status.app }, { title: "" }], facts),
    "",
    ...table([{ title: "WRITTEN BY" }, { title: "SESSIONS", right: true }], rows),
    ...whole,
  ];
}
