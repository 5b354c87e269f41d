const SCHEME = /^(?:postgres(?:ql)?|socket):/i;
const FORM = "postgres://USER:PASSWORD@HOST:5432/DATABASE";

/** Why a text is no URL of a database, without any part of it that may be a password; null: it is one. */
export function urlProblem(url: string): string | null {
  if (url.trim() === "") return "It is empty.";
  if (!SCHEME.test(url)) return `${kindOf(url)} A URL begins with \`postgres://\`.`;
  // The driver takes a name and a password without a host.
  if (URL.canParse(url.replace("@/", "@host/"))) return null;
  return `It begins as a URL, but cannot be read as one: what is not ${FORM}, or a character of the password that has a meaning in URLs.`;
}

export const URL_ADVICE = `Write \`${FORM}\`, in the password %40 for @, %3A for :, %2F for / and %23 for #.`;

function kindOf(text: string): string {
  const [, scheme] = /^([a-z][a-z0-9+.-]{0,20}):/i.exec(text) ?? [];
  if (scheme !== undefined && text.startsWith(`${scheme}://`)) return `It is a URL of \`${scheme}:\`.`;
  if (/^\s*\w+\s*=/.test(text)) return "It is a list of `name=value`.";
  return `It is a text of ${String(text.length)} characters that names no protocol.`;
}
