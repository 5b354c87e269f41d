/** Decimal numbers as Redis counts with them (INCRBYFLOAT: long double, written with up to 17 places): exact, by whole numbers. */
interface Decimal {
  readonly digits: bigint;
  readonly places: number;
}

const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;
const PLACES_MAX = 17;
/** Longer than any number that means something here. */
const LENGTH_MAX = 64;

export function parseDecimal(text: string): Decimal | null {
  if (text.length > LENGTH_MAX) return null;
  const match = FORM.exec(text);
  if (match === null) return null;
  const [, sign = "", whole = "", part = "", exponent = "0"] = match;
  if (whole === "" && part === "") return null;
  const digits = BigInt(`${whole}${part}`) * (sign === "-" ? -1n : 1n);
  const places = part.length - Number(exponent);
  return places >= 0 ? { digits, places } : { digits: digits * 10n ** BigInt(-places), places: 0 };
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const places = Math.max(a.places, b.places);
  return { digits: scale(a, places) + scale(b, places), places };
}

/** Without zeros at the end, rounded to 17 places. */
export function formatDecimal(value: Decimal): string {
  const { digits, places } = value.places > PLACES_MAX ? rounded(value) : value;
  const text = (digits < 0n ? -digits : digits).toString().padStart(places + 1, "0");
  const whole = text.slice(0, text.length - places);
  const part = text.slice(text.length - places).replace(/0+$/, "");
  return `${digits < 0n ? "-" : ""}${whole}${part === "" ? "" : `.${part}`}`;
}

function scale({ digits, places }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(to - places);
}

function rounded({ digits, places }: Decimal): Decimal {
  const unit = 10n ** BigInt(places - PLACES_MAX);
  const half = digits < 0n ? -unit / 2n : unit / 2n;
  return { digits: (digits + half) / unit, places: PLACES_MAX };
}
