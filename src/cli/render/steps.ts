import type { StepStatus } from "../../api/steps.ts";
import type { Output } from "../output.ts";
import { table } from "./table.ts";
import { age, count, took } from "./units.ts";

const BAR = 20;
const STYLES = {
  waiting: "dim",
  running: "cyan",
  paused: "yellow",
  done: "green",
  failed: "red",
  cancelled: "dim",
  incomplete: "yellow",
} as const;

export function renderSteps(steps: readonly StepStatus[], output: Output): readonly string[] {
  if (steps.length === 0) return ["No steps yet. `hitless prepare` reads those of the directory you are in."];
  const rows = steps.map((step) => [
    step.name,
    step.required ? "required" : "",
    output.style(STYLES[step.state], step.state),
    stepText(step),
  ]);
  return table([{ title: "Step" }, { title: "" }, { title: "State" }, { title: "" }], rows);
}

/** `████████░░░░  41 %  410,000 of 1,000,000, 51,300/s, 12 s left` and why it is not faster. */
export function stepText(step: StepStatus): string {
  const why =
    step.failure === null ? step.reason : [step.failure.what, step.failure.why].filter((part) => part !== undefined).join(" ");
  const parts = [
    progressText(step),
    step.approval !== null && step.state === "running" ? `approve: ${step.approval}` : null,
    why,
    cutText(step),
  ];
  return parts.filter((part) => part !== null).join("  ");
}

/** A statement that needs longer than its window is seen to begin again and again. */
function cutText({ state, cuts = 0 }: StepStatus): string | null {
  if (cuts === 0 || state === "done" || state === "cancelled") return null;
  return cuts === 1
    ? "ended before its end once; begins anew"
    : `ended before its end ${String(cuts)} times; begins anew each time`;
}

function progressText({ state, progress, remainingMs, workedMs }: StepStatus): string | null {
  if (state === "done") return [...(progress === null ? [] : [count(progress.done)]), `in ${took(workedMs)}`].join(" ");
  if (progress === null) return remainingMs === null || remainingMs === 0 ? null : `about ${age(remainingMs)}`;
  const { done, total, perSecond, etaMs } = progress;
  const share = total === null || total === 0 ? null : Math.min(1, done / total);
  const rate = state === "running" && perSecond !== null ? `, ${count(Math.round(perSecond))}/s` : "";
  const left = state === "running" && etaMs !== null ? `, ${age(etaMs)} left` : "";
  if (share === null) return `${count(done)}${rate}`;
  const full = Math.round(share * BAR);
  const bar = `${"█".repeat(full)}${"░".repeat(BAR - full)}`;
  return `${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${count(done)} of ${count(total ?? 0)}${rate}${left}`;
}
