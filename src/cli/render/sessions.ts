import type { SessionMoveStatus, SessionsStatus } from "../../api/sessions.ts";
import { table } from "./table.ts";
import { age, bytes, count } from "./units.ts";

export function renderSessions(status: SessionsStatus): readonly string[] {
  const { store, ours, aspNet, serverEndedAt, ratePerSecond, memoryBytes, looked, byRelease } = status;
  const facts = [
    ["store", ours ? `${store} (run by Hitless)` : store],
    ...(aspNet === undefined
      ? []
      : [["ASP.NET", ours ? aspNet : `${aspNet} (the state server of Hitless goes on for it; these sessions did not move)`]]),
    ...(serverEndedAt === undefined
      ? []
      : [["state server", `ended ${new Date(serverEndedAt).toISOString()}, as nobody needed it any more; its files are kept`]]),
    ["sessions", count(status.count)],
    ["commands", ratePerSecond === null ? "–" : `${count(Math.round(ratePerSecond))} per second`],
    ["memory", memoryBytes === null ? "–" : bytes(memoryBytes)],
    ...oldestFacts(status),
    ...(status.move === undefined ? [] : [["move", moveText(status.move)]]),
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

/** Others than those that tell it may have rested for longer. */
function oldestFacts({ oldestMs, aged, count: all }: SessionsStatus): readonly [string, string][] {
  return oldestMs === null ? [] : [["oldest", `not used for ${aged < all ? "at least " : ""}${age(oldestMs)}`]];
}

const PHASES: Readonly<Record<SessionMoveStatus["phase"], string>> = {
  doubling: "instances are replaced by such as write into both stores",
  copying: "sessions are copied",
  switching: "instances are replaced by such as read the new store",
  finishing: "instances are replaced by such as know the new store only",
  done: "moved",
  returning: "going back: instances are replaced by such as read the old store again",
  leaving: "going back: instances are replaced by such as know the old store only",
  aborted: "went back; the sessions are where they were",
};

/** One line for people. */
export function moveText({ phase, from, to, waits, trouble, progress, verified, failure }: SessionMoveStatus): string {
  const doing = phase === "copying" && progress?.doing === "verifying" ? "sessions are looked at in both stores" : PHASES[phase];
  const isKnown = verified !== null && phase !== "leaving" && phase !== "aborted";
  return [
    `${phase}: ${doing}, ${from} → ${to}`,
    ...(progress === null ? [] : [progressText(progress)]),
    ...(isKnown ? [`${count(verified)} sessions seen in both`] : []),
    ...(waits === null ? [] : [`waits: ${waits}`]),
    ...(trouble === undefined ? [] : [trouble]),
    ...(failure === null ? [] : [failure.what]),
  ].join("; ");
}

function progressText({ done, total, perSecond, etaMs }: NonNullable<SessionMoveStatus["progress"]>): string {
  const rate = perSecond === null ? "" : `, ${count(Math.round(perSecond))} per second`;
  const left = etaMs === null || done === total ? "" : `, ${age(etaMs)} left`;
  return `${count(done)} of ${count(total)}${rate}${left}`;
}
