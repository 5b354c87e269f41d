import type { DatabaseDiff, SeenDifference } from "../../api/database.ts";
import type { Output } from "../output.ts";

/** As `diff` shows it: `-` is what only the first release has, `+` what only the second one has. */
export function renderDatabaseDiff({ releases, differences, untilContract }: DatabaseDiff, output: Output): readonly string[] {
  const [one, other] = releases;
  const lines = [
    output.style("bold", `- ${one.release}: ${one.searchPath.join(", ")}`),
    output.style("bold", `+ ${other.release}: ${other.searchPath.join(", ")}`),
    "",
    ...(differences.length === 0 ? ["Both find the same tables, views and routines."] : []),
  ];
  for (const difference of differences) lines.push(...differenceLines(difference, output), "");
  if (untilContract.length === 0) return lines;
  return [...lines, "There for both until the contract:", ...untilContract.map((title) => `  ${title}`)];
}

function differenceLines({ name, kind, one, other, parts }: SeenDifference, output: Output): readonly string[] {
  const sides = (indent: string, label: string, pair: { one: string | null; other: string | null }): readonly string[] => [
    ...(pair.one === null ? [] : [output.style("red", `${indent}- ${label}${pair.one}`)]),
    ...(pair.other === null ? [] : [output.style("green", `${indent}+ ${label}${pair.other}`)]),
  ];
  const whole = one === other ? [] : sides("  ", "", { one, other });
  return [
    `${kind} ${name}`,
    ...whole,
    ...parts.flatMap((part) => {
      if (part.what === "body" || part.what === "query") return [`  ~ another ${part.what}`];
      return sides("    ", part.what === "column" ? `${part.name ?? ""} ` : `${part.what} `, part);
    }),
  ];
}
