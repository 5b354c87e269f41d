import type { DeploymentStatus, VerdictStatus } from "../../api/daemon.ts";
import type { Verdict } from "../../core/task.ts";
import type { Output } from "../output.ts";
import { table } from "./table.ts";
import { age, took } from "./units.ts";

const WORDS: Readonly<Record<Verdict, string>> = { pass: "pass", fail: "fail", "not-enough-data": "not enough data" };

/** Each hook, check and gate in a line; below it, where it is no pass, what was seen. */
export function verdictTable({ verdicts }: DeploymentStatus, output: Output): readonly string[] {
  if (verdicts.length === 0) return [];
  const rows = verdicts.map((one) => [
    verdictText(one, output),
    one.name,
    one.batch === null ? "" : String(one.batch),
    one.endedAt === null ? "" : took(one.endedAt - one.startedAt),
    one.summary ?? "",
  ]);
  const titles = [
    { title: "VERDICT" },
    { title: "OF" },
    { title: "BATCH", right: true },
    { title: "TOOK", right: true },
    { title: "" },
  ];
  const [head = "", ...lines] = table(titles, rows);
  return [output.style("dim", head), ...lines.flatMap((line, index) => [line, ...seen(verdicts[index], output)])];
}

/** What runs, and what did not pass: an operator may have to decide. */
export function openVerdicts({ verdicts }: DeploymentStatus, output: Output, now: number): readonly string[] {
  return verdicts.flatMap((one) => {
    if (one.verdict === "pass" || one.retried) return [];
    const text = one.verdict === null ? `for ${age(now - one.startedAt)}` : (one.summary ?? "");
    return [`${verdictText(one, output)}  ${one.name}: ${text}`];
  });
}

/** "2 pass, 1 not enough data"; empty where nothing was judged. */
export function verdictCounts({ verdicts }: DeploymentStatus): string {
  const counted = Object.entries(WORDS).map(([verdict, word]) => {
    return { count: verdicts.filter((one) => one.verdict === verdict).length, word };
  });
  return counted.flatMap(({ count, word }) => (count === 0 ? [] : [`${String(count)} ${word}`])).join(", ");
}

function verdictText({ verdict, overruled, retried }: VerdictStatus, output: Output): string {
  if (verdict === null) return output.style("cyan", "runs");
  if (verdict === "pass") return output.style("green", "pass");
  const word = `${WORDS[verdict]}${overruled ? ", went on" : retried ? ", tried again" : ""}`;
  return output.style(verdict === "fail" ? "red" : "yellow", word);
}

function seen(verdict: VerdictStatus | undefined, output: Output): readonly string[] {
  if (verdict === undefined || verdict.verdict === "pass") return [];
  const figures = Object.entries(verdict.figures).map(([name, value]) => `${name} ${String(Math.round(value * 1_000) / 1_000)}`);
  return [...(figures.length === 0 ? [] : [figures.join(", ")]), ...verdict.details].map((line) =>
    output.style("dim", `  ${line}`),
  );
}
