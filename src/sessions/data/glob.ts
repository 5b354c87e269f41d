/**
 * Redis' glob patterns (stringmatchlen): `*`, `?`, `[a-c]`, `[^a]`, `\` to escape. The work is bounded: where many stars could be tried against
 * one another, only the last one is (which gives the same answer).
 */
export function globMatches(pattern: string, text: string): boolean {
  let [p, t] = [0, 0];
  let [starAt, starText] = [-1, 0];
  while (t < text.length) {
    const step = p < pattern.length && pattern[p] !== "*" ? matchOne(pattern, p, text.charCodeAt(t)) : null;
    if (step !== null && step > 0) {
      p = step;
      t += 1;
    } else if (pattern[p] === "*") {
      starAt = p;
      starText = t;
      p += 1;
    } else if (starAt >= 0) {
      starText += 1;
      t = starText;
      p = starAt + 1;
    } else return false;
  }
  while (pattern[p] === "*") p += 1;
  return p >= pattern.length;
}

/** Where the pattern goes on if its element at `p` takes the character; -1 if not. */
function matchOne(pattern: string, p: number, char: number): number {
  switch (pattern[p]) {
    case "?":
      return p + 1;
    case "[":
      return matchClass(pattern, p + 1, char);
    case "\\":
      if (p + 1 < pattern.length) return pattern.charCodeAt(p + 1) === char ? p + 2 : -1;
      return char === 92 ? p + 1 : -1;
    default:
      return pattern.charCodeAt(p) === char ? p + 1 : -1;
  }
}

/** From behind `[`. A class that is not closed goes to the end of the pattern. */
function matchClass(pattern: string, from: number, char: number): number {
  let at = from;
  const negated = pattern[at] === "^";
  if (negated) at += 1;
  let found = false;
  for (; at < pattern.length && pattern[at] !== "]"; at += 1) {
    if (pattern[at] === "\\" && at + 1 < pattern.length) {
      at += 1;
      found ||= pattern.charCodeAt(at) === char;
    } else if (pattern[at + 1] === "-" && at + 2 < pattern.length) {
      const [a, b] = [pattern.charCodeAt(at), pattern.charCodeAt(at + 2)];
      found ||= char >= Math.min(a, b) && char <= Math.max(a, b);
      at += 2;
    } else found ||= pattern.charCodeAt(at) === char;
  }
  return found === negated ? -1 : Math.min(at + 1, pattern.length);
}
