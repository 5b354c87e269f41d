import { z } from "zod";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const DURATION_MAX_MS = 24 * 3_600_000;

/** A time such as "500ms", "10s", "2m", "1h", "30d"; a plain number is milliseconds. Gives milliseconds. */
export function duration(minMs: number, maxMs = DURATION_MAX_MS) {
  const most = maxMs === DURATION_MAX_MS ? "24h" : `${String(maxMs / 86_400_000)}d`;
  const error = `expected a time such as "500ms", "10s" or "2m", at least ${String(minMs)}ms and at most ${most}`;
  return z
    .union([z.string().regex(DURATION, { error }), z.number()], { error })
    .transform(parseDuration)
    .refine((ms) => ms >= minMs && ms <= maxMs, { error });
}

function parseDuration(value: string | number): number {
  if (typeof value === "number") return Math.round(value);
  const [, amount = "", unit = ""] = DURATION.exec(value) ?? [];
  return Math.round(Number(amount) * (UNIT_MS[unit] ?? 1));
}

const UNIT_BYTES: Readonly<Record<string, number>> = { "": 1, B: 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 };
const SIZE = /^(\d+)(|B|KiB|MiB|GiB)$/;

/** A size such as "512KiB" or "64MiB"; a plain number is bytes. Gives bytes. */
export function size(min: number, max = 2 ** 40) {
  const error = `expected a size such as "512KiB" or "64MiB", at least ${String(min)} bytes`;
  return z
    .union([z.string().regex(SIZE, { error }), z.number().int({ error })], { error })
    .transform((value) => {
      const [, amount = "", unit = ""] = SIZE.exec(String(value)) ?? [];
      return Number(amount) * (UNIT_BYTES[unit] ?? 1);
    })
    .refine((bytes) => bytes >= min && bytes <= max, { error });
}
