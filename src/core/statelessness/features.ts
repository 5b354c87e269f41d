import type { JourneyAnswer } from "../journey.ts";

/** What an answer looks like, part by part: what part it is, and what was seen there. Values of cookies are never among them. */
export type Features = ReadonlyMap<string, string>;

export const STATUS = "status";
export const COOKIES_SET = "cookies set";
/** An answer with more parts than this is compared by the first ones. */
const PARTS_MAX = 20_000;
/** What separates words, in prose, in HTML and in scripts. */
const BETWEEN_WORDS = /[\s<>"'`,;(){}[\]]+/;
const PLAIN_FIELDS = ["content-type", "www-authenticate"];

/** Null: there was no answer. */
export function featuresOf(answer: JourneyAnswer | null): Features {
  if (answer === null) return new Map([[STATUS, "none"]]);
  const { status, headers, body } = answer;
  const fields = PLAIN_FIELDS.map((name) => [name, (headers[name] ?? []).join(", ")] as const);
  const features = new Map([[STATUS, String(status)], ...fields, ...locationFeatures(headers["location"]?.[0])]);
  features.set(COOKIES_SET, cookieNames(headers["set-cookie"] ?? []).join(", "));
  const json = parsed(body);
  if (json === undefined) addText(features, body);
  else addJson(features, "body", json);
  return features;
}

/** In order, each once. */
export function cookieNames(fields: readonly string[]): readonly string[] {
  return [...new Set(fields.map((field) => (field.split("=", 1)[0] ?? "").trim()))].sort();
}

/** Segment by segment, so that a number in it does not hide where it leads. */
function locationFeatures(location: string | undefined): readonly (readonly [string, string])[] {
  if (location === undefined) return [["location", "none"]];
  const [path = "", query = ""] = location.replace(/^[a-z]+:\/\/[^/]*/i, "").split("?", 2);
  const segments = path.split("/").slice(1);
  return [
    ["location", `${String(segments.length)} segments`],
    ["location's parameters", [...new URLSearchParams(query).keys()].join(", ")],
    ...segments.map((segment, index) => [`location's segment ${String(index + 1)}`, segment] as const),
  ];
}

function addJson(features: Map<string, string>, path: string, value: unknown): void {
  if (features.size > PARTS_MAX) return;
  if (typeof value !== "object" || value === null) {
    features.set(path, JSON.stringify(value));
    return;
  }
  const entries = Object.entries(value);
  features.set(`${path} (entries)`, String(entries.length));
  for (const [key, inner] of entries) addJson(features, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, inner);
}

/** Which words, and how often each; their order is not looked at. */
function addText(features: Map<string, string>, body: string): void {
  const words = body.split(BETWEEN_WORDS).filter((word) => word !== "");
  features.set("body (words)", String(words.length));
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  for (const [word, count] of [...counts].slice(0, PARTS_MAX)) features.set(`body's "${word}"`, String(count));
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
