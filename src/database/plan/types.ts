import type { Catalog } from "../catalog.ts";

/** A type's name in parts: `numeric(10,2)[]` → numeric, [10, 2], array. */
export interface TypeName {
  readonly base: string;
  readonly args: readonly number[];
  readonly array: boolean;
}

const ALIASES: Readonly<Record<string, string>> = {
  int: "integer",
  int4: "integer",
  int8: "bigint",
  int2: "smallint",
  varchar: "character varying",
  char: "character",
  bpchar: "character",
  bool: "boolean",
  float8: "double precision",
  float: "double precision",
  float4: "real",
  decimal: "numeric",
  timestamptz: "timestamp with time zone",
  timestamp: "timestamp without time zone",
  timetz: "time with time zone",
  time: "time without time zone",
  varbit: "bit varying",
};

/** Reads a type as people or PostgreSQL write it; `timestamp(3) with time zone` too. */
export function typeName(written: string): TypeName {
  const array = /\[\d*\]$/.test(written.trim());
  const plain = written
    .trim()
    .replace(/(\[\d*\])+$/, "")
    .replace(/^pg_catalog\./, "");
  const args = /\(([\d,\s]+)\)/.exec(plain)?.[1]?.split(",").map(Number) ?? [];
  const word = plain
    .replace(/\s*\([\d,\s]+\)/, "")
    .trim()
    .toLowerCase();
  const base = ALIASES[word] ?? word;
  return { base, args: args.length === 0 && base === "character" ? [1] : args, array };
}

export function sameType(one: string, other: string): boolean {
  return JSON.stringify(typeName(one)) === JSON.stringify(typeName(other));
}

/** Limits that may be raised without a look at the rows; none is the widest. */
const WIDENS = new Set([
  "character varying",
  "timestamp with time zone",
  "timestamp without time zone",
  "time with time zone",
  "time without time zone",
  "interval",
  "bit varying",
]);
const STRINGS = new Set(["text", "character varying"]);
const UTC = new Set(["UTC", "Etc/UTC", "GMT", "Etc/GMT", "Universal", "Etc/Universal", "Zulu", "Etc/Zulu"]);

/** Whether ALTER TYPE only changes the catalog (measured on PostgreSQL 15 and 18); domains count as what they stand on. */
export function isCatalogOnly(catalog: Catalog, from: string, to: string): boolean {
  const [one, other] = [underlying(catalog, from), underlying(catalog, to)];
  if (one === null || other === null || one.array !== other.array || (one.array && one.base !== other.base)) return false;
  if (one.base === other.base) return keepsLimits(one, other);
  return changesKind(catalog, one, other);
}

/** Another type, over the same bytes. */
function changesKind({ timeZone }: Catalog, one: TypeName, other: TypeName): boolean {
  const [limit = Infinity] = one.args;
  const [room = Infinity] = other.args;
  switch (`${one.base} → ${other.base}`) {
    case "text → character varying":
      return room === Infinity;
    case "character varying → text":
    case "cidr → inet":
      return true;
    case "bit → bit varying":
      return room >= (limit === Infinity ? 1 : limit);
    case "timestamp with time zone → timestamp without time zone":
    case "timestamp without time zone → timestamp with time zone":
      return UTC.has(timeZone) && room >= limit;
    default:
      return false;
  }
}

function keepsLimits(one: TypeName, other: TypeName): boolean {
  if (JSON.stringify(one.args) === JSON.stringify(other.args)) return true;
  const [limit = Infinity] = one.args;
  const [room = Infinity] = other.args;
  if (one.base === "numeric") {
    return other.args.length === 0 || (room >= limit && one.args.length > 0 && (one.args[1] ?? 0) === (other.args[1] ?? 0));
  }
  return WIDENS.has(one.base) && room >= limit;
}

/** A domain's base, if the domain asks for nothing more; null where it does. */
function underlying(catalog: Catalog, written: string): TypeName | null {
  const parts = written.split(".");
  const name = (parts.at(-1) ?? "").replaceAll('"', "");
  const domain = catalog.types.find((type) => type.kind === "domain" && type.name === name);
  if (domain === undefined) return typeName(written);
  return domain.constrained || domain.base === null ? null : typeName(domain.base);
}

const WHOLE = ["smallint", "integer", "bigint"];
const DIGITS: Readonly<Record<string, number>> = { smallint: 5, integer: 10, bigint: 19 };

/** Whether every value of the one type has a value in the other, so that what old clients write can always be carried over. */
export function alwaysFits(catalog: Catalog, from: string, to: string): boolean {
  const [one, other] = [typeName(from), typeName(to)];
  if (sameType(from, to) || isCatalogOnly(catalog, from, to)) return true;
  if (one.array !== other.array) return false;
  if (other.base === "text" || (other.base === "character varying" && other.args.length === 0)) return true;
  if (STRINGS.has(one.base) || one.base === "character") return one.base === "character" && fitsString(one, other);
  if (WHOLE.includes(one.base)) return wholeFits(one.base, other);
  if (one.base === "numeric") return numericFits(one, other);
  const pairs = [`${one.base} → ${other.base}`];
  return pairs.some((pair) => FITTING.has(pair));
}

const FITTING = new Set([
  "real → double precision",
  "json → jsonb",
  "jsonb → json",
  "timestamp without time zone → timestamp with time zone",
  "timestamp with time zone → timestamp without time zone",
  "date → timestamp without time zone",
  "date → timestamp with time zone",
  "cidr → inet",
  "boolean → integer",
]);

function fitsString(one: TypeName, other: TypeName): boolean {
  return other.base === "character varying" && (other.args[0] ?? Infinity) >= (one.args[0] ?? 1);
}

function wholeFits(base: string, other: TypeName): boolean {
  if (WHOLE.includes(other.base)) return WHOLE.indexOf(other.base) >= WHOLE.indexOf(base);
  if (other.base === "numeric") {
    const [precision = Infinity, scale = 0] = other.args;
    return precision - scale >= (DIGITS[base] ?? Infinity);
  }
  return other.base === "double precision" && base !== "bigint";
}

function numericFits(one: TypeName, other: TypeName): boolean {
  if (other.base === "double precision") return true;
  if (other.base !== "numeric") return false;
  const [precision = Infinity, scale = 0] = one.args;
  const [room = Infinity, otherScale = 0] = other.args;
  return room === Infinity || room - otherScale >= precision - scale + (otherScale < scale ? 1 : 0);
}

/** Types without an equality: they are compared as text. */
export function comparable(column: string, type: string): string {
  return ["json", "xml", "point", "polygon", "path", "box", "line", "circle"].includes(typeName(type).base)
    ? `${column}::text`
    : column;
}

/** Families within which PostgreSQL converts arguments of calls without being told to. */
const FAMILIES: readonly (readonly string[])[] = [
  ["smallint", "integer", "bigint", "numeric", "real", "double precision"],
  ["text", "character varying", "character", "name"],
  ["date", "timestamp without time zone", "timestamp with time zone"],
  ["json", "jsonb"],
];

/** Whether one value may be given for either type. A type that is not known here converts to itself only. */
export function canConvert(one: string, other: string): boolean {
  const [a, b] = [typeName(one), typeName(other)];
  if (a.base === b.base && a.array === b.array) return true;
  return !a.array && !b.array && FAMILIES.some((family) => family.includes(a.base) && family.includes(b.base));
}
