import ignore from "ignore";
import type { PlanReport } from "../../api/database.ts";
import { NO_PROFILE, type LintException, type LintProfile, type Severity } from "../../config/lint-profile.ts";
import type { Output } from "../output.ts";

/** What `hitless db lint` says of one statement. */
export interface Finding {
  readonly rule: string;
  readonly severity: Exclude<Severity, "off">;
  /** `0002_names.sql:3`; empty: nowhere. */
  readonly place: string;
  /** The file; empty: none. */
  readonly path: string;
  readonly line: number;
  readonly tables: readonly string[];
  readonly text: string;
  /** What to write instead, line by line. */
  readonly write: readonly string[];
}

/** Refusals are errors and notices are notices, unless the profile says otherwise. */
export function findingsOf({ refusals, notices }: PlanReport, profile: LintProfile = NO_PROFILE): readonly Finding[] {
  const all = [
    ...refusals.map(({ why, ...refusal }) => ({ ...refusal, text: why, usual: "error" as const })),
    ...notices.map((notice) => ({ ...notice, write: [], usual: "notice" as const })),
  ];
  return all.flatMap(({ usual, ...finding }) => {
    const severity = profile.rules[finding.rule] ?? usual;
    const excepted = profile.exceptions.some((exception) => isExcepted(finding, exception));
    return severity === "off" || excepted ? [] : [{ ...finding, severity }];
  });
}

type Judged = Pick<Finding, "rule" | "path" | "tables">;

function isExcepted({ rule, path, tables }: Judged, exception: LintException): boolean {
  if (!exception.rules.includes(rule)) return false;
  const here = exception.paths.length === 0 || (path !== "" && ignore().add(exception.paths).ignores(path));
  const [table = ""] = tables;
  return here && (exception.tables.length === 0 || exception.tables.some((name) => name === table || table.endsWith(`.${name}`)));
}

const STYLES = { error: "red", warning: "yellow", notice: "yellow" } as const;

export function renderFindings(findings: readonly Finding[], output: Output): readonly string[] {
  return findings.flatMap(({ rule, severity, place, text, write }) => {
    const at = place === "" ? "" : `${place}: `;
    const lines = write.map((line) => `    ${line}`);
    return [output.style(STYLES[severity], `${at}${rule}: ${text}`), ...lines, ...(severity === "error" ? [""] : [])];
  });
}

/** For code scanning and pull requests: https://docs.oasis-open.org/sarif/sarif/v2.1.0/ */
export function sarif(findings: readonly Finding[]): unknown {
  const rules = [...new Set(findings.map(({ rule }) => rule))];
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{ tool: { driver: { name: "hitless", rules: rules.map((id) => ({ id })) } }, results: findings.map(sarifResult) }],
  };
}

function sarifResult(finding: Finding): unknown {
  const { rule, severity, path, line } = finding;
  const place = { physicalLocation: { artifactLocation: { uri: path }, region: { startLine: line } } };
  return {
    ruleId: rule,
    level: severity === "notice" ? "note" : severity,
    message: { text: messageOf(finding) },
    ...(path === "" ? {} : { locations: [place] }),
  };
}

/** Workflow commands that GitHub shows beside the lines. */
export function githubAnnotations(findings: readonly Finding[]): readonly string[] {
  const message = (text: string): string => text.replaceAll("%", "%25").replaceAll("\n", "%0A");
  const property = (text: string): string => message(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  return findings.map((finding) => {
    const { rule, severity, path, line } = finding;
    const place = path === "" ? [] : [`file=${property(path)}`, `line=${String(line)}`];
    return `::${severity} ${[...place, `title=${rule}`].join(",")}::${message(messageOf(finding))}`;
  });
}

function messageOf({ text, write }: Finding): string {
  return write.length === 0 ? text : [text, "Write instead:", ...write].join("\n");
}
