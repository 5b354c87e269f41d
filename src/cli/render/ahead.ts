import type { AheadReport } from "../../api/ahead.ts";
import type { Output } from "../output.ts";
import { table } from "./table.ts";
import { age } from "./units.ts";

const COLUMNS = [
  { title: "Step" },
  { title: "Kind" },
  { title: "" },
  { title: "State" },
  { title: "About", right: true },
  { title: "" },
];

/** What could be done before, what it would bring, and what stays. */
export function renderAhead(report: AheadReport, output: Output): readonly string[] {
  if (report.items.length === 0)
    return ["Nothing could be done ahead: the release has no steps, and its database needs nothing."];
  return [
    output.style("bold", "ahead: can be done before the deployment, by `hitless prepare`"),
    ...itemLines(report, output),
    "",
    output.style("bold", shorterText(report)),
    ...remarks(report),
  ];
}

function itemLines({ items }: AheadReport, output: Output): readonly string[] {
  const rows = items.flatMap(({ name, kind, required, state, seconds, basis, actions }) => [
    [name, kind, required ? "required" : "", state ?? "not prepared", secondsText(seconds), output.style("dim", basis)],
    ...actions.map(({ id, title, expected }) => [
      `  ${id}`,
      title,
      "",
      "",
      expected === null ? "O(1)" : secondsText(expected.seconds),
      output.style("dim", expected?.basis ?? ""),
    ]),
  ]);
  return table(COLUMNS, rows);
}

function secondsText(seconds: number | null): string {
  return seconds === null ? "?" : age(seconds * 1_000);
}

function shorterText({ shorterSeconds, unknown }: AheadReport): string {
  const more = unknown.length === 0 ? "" : `, and by what nobody knows yet of ${unknown.join(", ")}`;
  return `The deployment would be about ${secondsText(shorterSeconds)} shorter${more}.`;
}

function remarks({ asked, later, held, items }: AheadReport): readonly string[] {
  return [
    ...(asked ? [] : ["No daemon runs: what was prepared, and how long it took, is not known."]),
    ...(held === null || items.every(({ actions }) => actions.length === 0) ? [] : [`The expansion waits: ${held}.`]),
    ...(later.length === 0
      ? []
      : ["Stays for later, when the last older instance is gone:", ...later.map((title) => `  ${title}`)]),
  ];
}
