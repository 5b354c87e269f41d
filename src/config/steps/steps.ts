import { isScalar, LineCounter, parseDocument, type Document } from "yaml";
import { z } from "zod";
import { EXPAND, usesDatabase, type StepDefinition, type StepWork } from "../../core/preparation/step-definition.ts";
import type { SqlLanguage } from "../../database/language.ts";
import { positionAt } from "../../database/source/position.ts";
import { describeProblems } from "../problems.ts";
import { readHeader } from "./header.ts";
import { conditionsOf, fileSchema, headerSchema, workOf } from "./schema.ts";
import { fileProblems, WRITTEN, type SqlProblem } from "./sql.ts";
import { placeInScalar } from "./yaml-place.ts";

/** A file of the steps directory. */
export interface StepFile {
  /** In the release. */
  readonly path: string;
  readonly text: string;
  /** Of the file's bytes, in hex. */
  readonly sha256: string;
}

export interface ReadSteps {
  /** In their order. */
  readonly steps: readonly StepDefinition[];
  /** `deploy/steps/0001-x.yaml:3: …`, in SQL with the column too; all of them. */
  readonly problems: readonly string[];
}

const NAME = /(?:^|\/)(\d{4}-[a-z0-9]+(?:-[a-z0-9]+)*)\.(sql|ts|js|sh|yaml)$/;

export interface ReadingSteps {
  /** Without one in the configuration, steps that need one are problems too. */
  readonly hasDatabase: boolean;
  /** PostgreSQL's grammar, by which SQL is read; null: it is not looked at. */
  readonly language: SqlLanguage | null;
}

type Outcome = { readonly step: StepDefinition | null; readonly problems: readonly string[] };

/** Reads a release's steps. */
export function readSteps(files: readonly StepFile[], { hasDatabase, language }: ReadingSteps): ReadSteps {
  const outcomes = files.toSorted((a, b) => (a.path < b.path ? -1 : 1)).map((file) => readStep(file, language));
  const steps = outcomes.map(({ step }) => step).filter((step) => step !== null);
  const problems = [...outcomes.flatMap((outcome) => outcome.problems), ...togetherProblems(steps, hasDatabase)];
  return { steps, problems };
}

function readStep(file: StepFile, language: SqlLanguage | null): Outcome {
  const [, name, ending] = NAME.exec(file.path) ?? [];
  if (name === undefined)
    return { step: null, problems: [`${file.path}:1: expected a name such as 0001-emails.sql (or .ts, .js, .sh, .yaml)`] };
  return ending === "yaml" ? readYaml(file, name, language) : readWithHeader(file, { name, ending: ending ?? "", language });
}

interface Named {
  readonly name: string;
  readonly ending: string;
  readonly language: SqlLanguage | null;
}

function readWithHeader(file: StepFile, { name, ending, language }: Named): Outcome {
  const { fields, problems } = readHeader(file.text);
  const input = Object.fromEntries([...fields].map(([key, { value }]) => [key, value]));
  const parsed = headerSchema.safeParse(input);
  const told = problems.map(({ line, text }) => `${file.path}:${String(line)}: ${text}`);
  const lineOf = (path: readonly PropertyKey[], key?: string): number => fields.get(String(path[0] ?? key))?.line ?? 1;
  const alone = input["transaction"] === false;
  if (ending === "sql" && language !== null) told.push(...at(file, fileProblems(language, file.text, alone)));
  if (!parsed.success) return { step: null, problems: [...placed(file, parsed.error, input, lineOf), ...told] };
  if (parsed.data.transaction !== undefined && ending !== "sql") told.push(`${file.path}:1: only SQL has a transaction`);
  const step = { ...conditionsOf(parsed.data), ...namesOf(file, name), work: workOfFile(file, ending, alone) };
  return { step: told.length === 0 ? step : null, problems: told };
}

function workOfFile(file: StepFile, ending: string, alone: boolean): StepWork {
  if (ending === "sql") return { kind: "sql", sql: file.text, alone };
  if (ending === "sh") return { kind: "command", command: ["/bin/sh", file.path] };
  return { kind: "function", file: file.path };
}

function readYaml(file: StepFile, name: string, language: SqlLanguage | null): Outcome {
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines });
  if (document.errors.length > 0) {
    const problems = document.errors.map(
      ({ linePos, message }) => `${file.path}:${String(linePos?.[0].line ?? 1)}: ${message.split("\n")[0] ?? ""}`,
    );
    return { step: null, problems };
  }
  const input: unknown = document.toJS();
  const parsed = fileSchema.safeParse(input);
  const lineOf = (path: readonly PropertyKey[], key?: string): number =>
    lineIn(document, lines, key === undefined ? path : [...path, key]);
  const told = language === null ? [] : at(file, writtenProblems(document, file.text, language));
  if (!parsed.success) return { step: null, problems: [...placed(file, parsed.error, input, lineOf), ...told] };
  const work = workOf(parsed.data);
  const isStep = work !== null && told.length === 0;
  return { step: isStep ? { ...conditionsOf(parsed.data), ...namesOf(file, name), work } : null, problems: told };
}

/** Their places are those in the file. */
function writtenProblems(document: Document, source: string, language: SqlLanguage): readonly SqlProblem[] {
  return WRITTEN.flatMap(({ path, problems }) => {
    const node = document.getIn(path, true);
    if (!isScalar(node) || typeof node.value !== "string" || node.value.trim() === "") return [];
    return problems(language, node.value).map(({ offset, text }) => ({ offset: placeInScalar(source, node, offset), text }));
  });
}

function at({ path, text: source }: StepFile, problems: readonly SqlProblem[]): readonly string[] {
  return problems.map(({ offset, text }) => {
    const { line, column } = positionAt(path, source, offset);
    return `${path}:${String(line)}:${String(column)}: ${text}`;
  });
}

function namesOf({ path, sha256 }: StepFile, name: string): Pick<StepDefinition, "name" | "path" | "digest"> {
  return { name, path, digest: sha256 };
}

function placed(
  { path }: StepFile,
  error: z.ZodError,
  input: unknown,
  lineOf: (path: readonly PropertyKey[], key?: string) => number,
): readonly string[] {
  const told = error.issues.flatMap((issue) => {
    const [key] = issue.code === "unrecognized_keys" ? issue.keys : [];
    const line = lineOf(issue.path, key);
    return describeProblems(new z.ZodError([issue]), input).map((text) => ({ line, text }));
  });
  return told
    .toSorted((a, b) => a.line - b.line)
    .map(({ line, text }) => `${path}:${String(line)}: ${text.replace("(the configuration)", "(the step)")}`);
}

/** The line of the value, or of what it would stand in. */
function lineIn(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
    const offset = node?.range?.[0];
    if (offset !== undefined) return lines.linePos(offset).line;
  }
  return 1;
}

/** What only shows when the steps are seen side by side. */
function togetherProblems(steps: readonly StepDefinition[], hasDatabase: boolean): readonly string[] {
  const names = new Map(steps.map((step) => [step.name, step]));
  const problems: string[] = [];
  for (const step of steps) {
    const say = (text: string): void => void problems.push(`${step.path}:1: ${text}`);
    if (names.get(step.name) !== step) say(`another file has the name ${step.name} too`);
    for (const need of step.needs) if (need !== EXPAND && !names.has(need)) say(`needs ${need}, which is no step here`);
    if (comesRound(step, names)) say("needs itself, by way of what it needs");
    const asks = step.work.kind === "wait" && step.work.until.kind === "query";
    if (!hasDatabase && (asks || usesDatabase(step.work) || step.needs.includes(EXPAND)))
      say("needs a database, and the configuration names none (`database`)");
  }
  return problems;
}

function comesRound(step: StepDefinition, names: ReadonlyMap<string, StepDefinition>): boolean {
  const seen = new Set<string>();
  const open = [...step.needs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === step.name) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    open.push(...(names.get(name)?.needs ?? []));
  }
  return false;
}
