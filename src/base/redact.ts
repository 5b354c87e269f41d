const SHORTEST = 6;
const TELLING_NAME = /secret|token|passw|pwd|key|auth|cred|dsn|private|salt|signature/i;
/** A word, a number, a path or a switch says nothing that is worth hiding. */
const PLAIN = /^(?:[a-z]+|\d{1,12}|\/[\w./-]*|[\w-]+\.\w+)$/i;
const USER_INFO = /^[a-z][a-z0-9+.-]*:\/\/[^:@/?#]*:([^@/?#]+)@/i;
const HIDDEN = "[hidden]";

/**
 * The values of an environment that must not be shown: all but plain words, numbers and paths under names that do not sound secret; of a
 * URL its password too, which programs print by itself.
 */
export function secretsOf(env: Readonly<Record<string, string>>): readonly string[] {
  const secrets = Object.entries(env).flatMap(([name, value]) => {
    const password = USER_INFO.exec(value)?.[1];
    const own = TELLING_NAME.test(name) || !PLAIN.test(value) ? [value] : [];
    return password === undefined ? own : [...own, password, decoded(password)];
  });
  // Output is looked at line by line.
  const lines = secrets.flatMap((secret) => [secret, ...secret.split(/\r?\n/)]);
  return [...new Set(lines)].filter((value) => value.length >= SHORTEST);
}

/** Puts a sign in place of every secret; the longest go first, so that one that holds another leaves nothing of itself. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const longestFirst = secrets.toSorted((a, b) => b.length - a.length);
  return (text) => longestFirst.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
