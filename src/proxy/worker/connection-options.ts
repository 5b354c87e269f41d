/** What a Connection field asks for (RFC 9110 section 7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Matches the fields that are for this hop only, with the CRLF before them; null for none. */
  readonly hopFields: RegExp | null;
}

const NONE: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, hopFields: null };
const STANDARD = new Set(["close", "keep-alive", "upgrade", "te", ""]);
/** Taking these out would change what the message means, or take out what the proxy has set: they stay. */
const END_TO_END = new Set(["host", "content-length", "content-type", "authorization", "cookie", "date", "set-cookie"]);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** Nearly every message says one of a few things: what they mean is worked out once. */
const known = new Map<string, ConnectionOptions>();
const KNOWN_MAX = 256;
const KNOWN_LENGTH_MAX = 64;

/** `value`: the field's text, or those of several fields with commas between; empty for none. */
export function connectionOptions(value: string): ConnectionOptions {
  if (value === "") return NONE;
  const found = known.get(value);
  if (found !== undefined) return found;
  const options = read(value);
  if (value.length <= KNOWN_LENGTH_MAX) {
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(value, options);
  }
  return options;
}

function read(value: string): ConnectionOptions {
  const options = tokens(value);
  const hopFields = options.filter((name) => !STANDARD.has(name) && !END_TO_END.has(name) && TOKEN.test(name));
  return {
    close: options.includes("close"),
    keepAlive: options.includes("keep-alive"),
    upgrade: options.includes("upgrade"),
    hopFields: hopFields.length === 0 ? null : new RegExp(`\\r\\n(?:${hopFields.map(escaped).join("|")}):[^\\r]*`, "gi"),
  };
}

/** The members of a list (RFC 9110 section 5.6.1) in small letters. */
export function tokens(list: string): readonly string[] {
  return list
    .toLowerCase()
    .split(",")
    .map((part) => part.replace(/^[\t ]+|[\t ]+$/g, ""));
}

function escaped(name: string): string {
  return name.replace(/[$*+.^|]/g, "\\$&");
}
