import type { z } from "zod";

const SHOWN_MAX = 80;

/** One line per problem: the path, what is there, what is expected. */
export function describeProblems(error: z.ZodError, input: unknown): readonly string[] {
  return error.issues.flatMap((issue) => describe(issue, input));
}

function describe(issue: z.core.$ZodIssue, input: unknown): readonly string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${pathText([...issue.path, key])}: there is no such key here`);
  }
  if (issue.code === "invalid_key") {
    return [`${pathText(issue.path)}: ${issue.issues[0]?.message ?? "expected another name"}`];
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0 && issue.message === "Invalid input") {
    // The alternative that fits best says most: of those that know the most keys the one that got furthest into the value.
    const best = issue.errors.toSorted((a, b) => strangeness(a) - strangeness(b) || depth(b) - depth(a))[0] ?? [];
    return best.flatMap((inner) => describe({ ...inner, path: [...issue.path, ...inner.path] }, input));
  }
  const found = valueAt(input, issue.path);
  return [`${pathText(issue.path)}: ${found === undefined ? "is missing" : `found ${shown(found)}`}, ${expected(issue.message)}`];
}

/** How many keys an alternative does not know; one of another type knows none. */
function strangeness(issues: readonly z.core.$ZodIssue[]): number {
  if (issues.some((issue) => issue.path.length === 0 && issue.code !== "unrecognized_keys" && issue.code !== "custom"))
    return Infinity;
  return issues.reduce(
    (sum, issue) => sum + (issue.code === "unrecognized_keys" && issue.path.length === 0 ? issue.keys.length : 0),
    0,
  );
}

function depth(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(...issues.map((issue) => issue.path.length + (issue.code === "unrecognized_keys" ? 1 : 0)));
}

function expected(message: string): string {
  return message.startsWith("expected")
    ? message
    : message.replace(/^Invalid input: expected/, "expected").replace(/, received .*$/, "");
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined),
    input,
  );
}

function shown(value: unknown): string {
  const text = typeof value === "function" ? "a function" : value === undefined ? "undefined" : JSON.stringify(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "(the configuration)";
  return path
    .map((key, index) => (typeof key === "number" ? `[${String(key)}]` : `${index === 0 ? "" : "."}${String(key)}`))
    .join("");
}
