const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const DECIMAL = /^(?:0|-?[1-9]\d{0,18})$/;
/** Up to so many characters a decimal number is exact as a double. */
const SAFE_LENGTH = 15;

/** A whole number as Redis accepts it (string2ll): no sign `+`, no leading zeros, no spaces, within 64 bits. Null for anything else. */
export function parseInteger(text: string): bigint | null {
  if (!DECIMAL.test(text)) return null;
  const value = BigInt(text);
  return value < INT64_MIN || value > INT64_MAX ? null : value;
}

/** Like `parseInteger`, as a double: exact up to 2^53, rounded beyond. */
export function parseNumber(text: string): number | null {
  if (!DECIMAL.test(text)) return null;
  if (text.length <= SAFE_LENGTH) return Number(text);
  return parseInteger(text) === null ? null : Number(text);
}

export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}
