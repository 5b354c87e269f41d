/** Tells whether a head has a certain field; made once, asked for every request. */
export type FieldTest = (forward: string) => boolean;

/** `value` null: whatever it is. Any of several fields of the name may match. `forward` is the text of RequestHead. */
export function headerTest(name: string, value: string | null): FieldTest {
  const valuePattern = value === null ? "" : `[\\t ]*${escaped(value)}[\\t ]*\\r\\n`;
  const pattern = new RegExp(`\\r\\n${nameInAnyCase(name)}:${valuePattern}`);
  return (forward) => pattern.test(forward);
}

export function cookieTest(name: string, value: string | null): FieldTest {
  return (forward) => {
    const found = cookieValues(forward, name);
    return value === null ? found.length > 0 : found.includes(value);
  };
}

/** The values of all fields of that name, without white space around them. */
export function fieldValues(forward: string, name: string): readonly string[] {
  const pattern = new RegExp(`\\r\\n${nameInAnyCase(name)}:([^\\r]*)`, "g");
  return [...forward.matchAll(pattern)].map(([, value = ""]) => value.trim());
}

/** The values of all cookies of that name (RFC 6265 section 4.2.1); names are told apart by case. */
export function cookieValues(forward: string, name: string): readonly string[] {
  if (!forward.includes(name)) return [];
  return fieldValues(forward, "cookie")
    .flatMap((line) => line.split(";"))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1).replace(/^"(.*)"$/, "$1"));
}

/** Field names are compared without case, values with it. */
function nameInAnyCase(name: string): string {
  return escaped(name).replace(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);
}

/** For a regular expression. */
export function escaped(text: string): string {
  return text.replace(/[$()*+./?[\\\]^{|}-]/g, "\\$&");
}
