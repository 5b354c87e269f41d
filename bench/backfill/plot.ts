import type { Answered } from "./open-loop.ts";

/** `again`: without a backfill, like `none`, to see how far two that should be alike lie apart. */
export type Way = "none" | "throttled" | "again" | "full";

/** A time in which one thing was going on. */
export interface Span {
  readonly way: Way;
  readonly from: number;
  readonly to: number;
  /** Rows that the backfill looked at meanwhile. */
  readonly rows: number;
}

const COLOURS: Readonly<Record<Way, string>> = {
  none: "#6b7280",
  again: "#b6bcc7",
  throttled: "#15803d",
  full: "#b91c1c",
};
const NAMES: Readonly<Record<Way, string>> = {
  none: "no backfill",
  again: "none, again",
  throttled: "backfill, throttle on",
  full: "backfill, throttle off",
};
const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [860, 320, 56, 46, 36];
const WINDOW_MS = 1_000;

export function p99(answers: readonly Answered[]): number {
  const sorted = answers.map(({ ms }) => ms).toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? NaN;
}

export function within(answers: readonly Answered[], { from, to }: Pick<Span, "from" | "to">): readonly Answered[] {
  return answers.filter(({ at }) => at >= from && at < to);
}

/** The p99 of each second, in ms; NaN for one without an answer. */
export function seconds(answers: readonly Answered[], { way, from, to }: Span): readonly { way: Way; at: number; ms: number }[] {
  const begins = Array.from({ length: Math.floor((to - from) / WINDOW_MS) }, (_, index) => from + index * WINDOW_MS);
  return begins.map((at) => ({ way, at, ms: p99(within(answers, { from: at, to: at + WINDOW_MS })) }));
}

/** p99 of each second, in the colour of what was going on. */
export function plot(answers: readonly Answered[], spans: readonly Span[]): string {
  const [begin, end] = [Math.min(...spans.map(({ from }) => from)), Math.max(...spans.map(({ to }) => to))];
  const points = spans.flatMap((span) => seconds(answers, span));
  const most = Math.max(...points.map(({ ms }) => ms).filter(Number.isFinite));
  const x = (at: number): string => (LEFT + ((at - begin) / (end - begin)) * (WIDTH - LEFT - 12)).toFixed(1);
  const y = (ms: number): string =>
    (HEIGHT - BOTTOM - (Math.log10(1 + ms) / Math.log10(1 + most)) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000].filter((ms) => ms <= most);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${String(LEFT)}" y="18" font-size="14">p99 of the shop's requests, each second (ms)</text>`,
    ...Object.entries(NAMES).map(
      ([way, name], index) => `<text x="${String(LEFT + index * 170)}" y="36" fill="${COLOURS[way as Way]}">● ${name}</text>`,
    ),
    ...ticks.flatMap((ms) => [
      `<line x1="${String(LEFT)}" x2="${String(WIDTH - 12)}" y1="${y(ms)}" y2="${y(ms)}" stroke="#e5e7eb"/>`,
      `<text x="${String(LEFT - 8)}" y="${y(ms)}" text-anchor="end" dominant-baseline="middle">${String(ms)}</text>`,
    ]),
    ...points
      .filter(({ ms }) => Number.isFinite(ms))
      .map(({ way, at, ms }) => `<circle cx="${x(at)}" cy="${y(ms)}" r="3" fill="${COLOURS[way]}"/>`),
    ...[0, 0.25, 0.5, 0.75, 1].map(
      (share) =>
        `<text x="${x(begin + share * (end - begin))}" y="${String(HEIGHT - 12)}" text-anchor="${share === 1 ? "end" : "middle"}">${String(Math.round((share * (end - begin)) / 1_000))} s</text>`,
    ),
    "</svg>",
    "",
  ].join("\n");
}
