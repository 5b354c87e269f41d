import type { Capture, Expectations, JourneyRequest } from "./task.ts";

/** An answer as a journey looks at it. */
export interface JourneyAnswer {
  readonly status: number;
  /** By small-letter name. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
  readonly ms: number;
}

export type Variables = Readonly<Record<string, string>>;

const VARIABLE = /\$\{(\w+)\}/g;
const SHOWN_MAX = 120;

/** The request with the variables in place of their names. In a path they are encoded. */
export function filledRequest(request: JourneyRequest, variables: Variables): JourneyRequest {
  const plain = (text: string): string => text.replace(VARIABLE, (all, name: string) => variables[name] ?? all);
  return {
    ...request,
    path: request.path.replace(VARIABLE, (all, name: string) => encodeURIComponent(variables[name] ?? all)),
    headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, plain(value)])),
    body: request.body === null ? null : plain(request.body),
    expect: filledExpectations(request.expect, plain),
  };
}

/** Everything that is not as expected, one line each. */
export function brokenExpectations(expect: Expectations, answer: JourneyAnswer): readonly string[] {
  const broken: string[] = [];
  const { status, headers = {}, bodyContains = [], json, maxMs } = expect;
  if (!hasStatus(answer.status, status)) broken.push(`the status is ${String(answer.status)}, expected ${statusText(status)}`);
  for (const [name, wanted] of Object.entries(headers)) {
    const values = answer.headers[name.toLowerCase()];
    if (values === undefined) broken.push(`there is no field ${name}`);
    else if (wanted !== true && !values.some((value) => value.includes(wanted)))
      broken.push(`${name} is ${shown(values.join(", "))}, expected it to contain ${shown(wanted)}`);
  }
  for (const part of bodyContains)
    if (!answer.body.includes(part)) broken.push(`the body does not contain ${shown(part)}; it begins ${shown(answer.body)}`);
  if (json !== undefined) broken.push(...brokenJson(json, answer.body));
  if (maxMs !== undefined && answer.ms > maxMs)
    broken.push(`it took ${answer.ms.toFixed(0)} ms, expected at most ${String(maxMs)}`);
  return broken;
}

/** What an answer adds to the variables, and what was to be captured and is not there. */
export function captured(
  captures: Readonly<Record<string, Capture>>,
  answer: JourneyAnswer,
): { readonly variables: Variables; readonly missing: readonly string[] } {
  const found = Object.entries(captures).map(([name, capture]) => [name, captureOf(capture, answer)] as const);
  return {
    variables: Object.fromEntries(found.filter((entry): entry is readonly [string, string] => entry[1] !== null)),
    missing: found.filter(([, value]) => value === null).map(([name]) => `there is nothing to capture as ${name}`),
  };
}

/** What is wrong with a journey before it is walked: variables that nothing sets before they are used. `given`: those that are there from the start. */
export function journeyProblems(
  requests: readonly JourneyRequest[],
  given: readonly string[] = [],
): readonly { readonly index: number; readonly problem: string }[] {
  const known = new Set(given);
  return requests.flatMap(({ path, headers, body, expect, capture }, index) => {
    const text = JSON.stringify([path, headers, body, expect]);
    const unknown = [...new Set([...text.matchAll(VARIABLE)].map(([, name = ""]) => name))].filter((name) => !known.has(name));
    for (const name of Object.keys(capture)) known.add(name);
    return unknown.map((name) => ({ index, problem: `an earlier request that captures \${${name}}` }));
  });
}

/** `items[0].price`, `["a.b"].c`; undefined where there is nothing. An empty path is the whole. */
export function atPath(value: unknown, path: string): unknown {
  return stepsOf(path).reduce<unknown>((inner, step) => {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, step)) return undefined;
    return (inner as Record<string, unknown>)[step];
  }, value);
}

function stepsOf(path: string): readonly string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) => quoted?.replace(/\\(.)/g, "$1") ?? index ?? name ?? "",
  );
}

function captureOf(capture: Capture, { headers, body }: JourneyAnswer): string | null {
  switch (capture.from) {
    case "header":
      return headers[capture.name.toLowerCase()]?.[0] ?? null;
    case "cookie":
      return cookieOf(headers["set-cookie"] ?? [], capture.name);
    case "body":
      return new RegExp(capture.pattern).exec(body)?.[1] ?? null;
    case "json": {
      const value = atPath(parsed(body), capture.path);
      if (value === undefined || value === null) return null;
      return typeof value === "string" ? value : JSON.stringify(value);
    }
  }
}

function cookieOf(fields: readonly string[], name: string): string | null {
  const field = fields.find((value) => value.startsWith(`${name}=`));
  return field === undefined ? null : (field.slice(name.length + 1).split(";", 1)[0] ?? null);
}

function brokenJson(wanted: Readonly<Record<string, unknown>>, body: string): readonly string[] {
  const value = parsed(body);
  if (value === undefined) return [`the body is not JSON; it begins ${shown(body)}`];
  return Object.entries(wanted).flatMap(([path, expected]) => {
    const found = atPath(value, path);
    if (isSame(found, expected)) return [];
    return [`${path === "" ? "the body" : path} is ${shown(found)}, expected ${shown(expected)}`];
  });
}

function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), b as Record<string, unknown>];
  return (
    left.length === Object.keys(right).length &&
    left.every(([key, value]) => Object.hasOwn(right, key) && isSame(value, right[key]))
  );
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function hasStatus(status: number, wanted: Expectations["status"]): boolean {
  if (wanted === undefined) return status >= 200 && status < 400;
  return typeof wanted === "number" ? status === wanted : wanted.includes(status);
}

function statusText(wanted: Expectations["status"]): string {
  if (wanted === undefined) return "200 to 399";
  return typeof wanted === "number" ? String(wanted) : wanted.join(" or ");
}

function filledExpectations(expect: Expectations, fill: (text: string) => string): Expectations {
  const { headers, bodyContains, json } = expect;
  const value = (wanted: unknown): unknown => (typeof wanted === "string" ? fill(wanted) : wanted);
  return {
    ...expect,
    ...(headers === undefined ? {} : { headers: mapped(headers, (wanted) => (wanted === true ? true : fill(wanted))) }),
    ...(bodyContains === undefined ? {} : { bodyContains: bodyContains.map(fill) }),
    ...(json === undefined ? {} : { json: mapped(json, value) }),
  };
}

function mapped<T, U>(record: Readonly<Record<string, T>>, of: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, of(value)]));
}

function shown(value: unknown): string {
  const text = value === undefined ? "missing" : JSON.stringify(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
