const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };
const HEX = /^[0-9a-fA-F]{2}$/;
const SPACE = /[ \n\r\t\v\f\0]/;

/**
 * Splits a line that was typed by hand (telnet) into words, with Redis' rules for quotes and escapes (sdssplitargs).
 * Null where a quote is not closed, or something follows a closing quote at once.
 */
export function splitInline(line: string): string[] | null {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && SPACE.test(line.charAt(at))) at += 1;
    if (at >= line.length) return words;
    const word = readWord(line, at);
    if (word === null) return null;
    words.push(word.text);
    at = word.end;
  }
}

interface Word {
  readonly text: string;
  readonly end: number;
}

function readWord(line: string, from: number): Word | null {
  let text = "";
  let at = from;
  while (at < line.length && !SPACE.test(line.charAt(at))) {
    const char = line.charAt(at);
    if (char !== '"' && char !== "'") {
      text += char;
      at += 1;
      continue;
    }
    const quoted = char === '"' ? readDouble(line, at + 1) : readSingle(line, at + 1);
    if (quoted === null || (quoted.end < line.length && !SPACE.test(line.charAt(quoted.end)))) return null;
    return { text: text + quoted.text, end: quoted.end };
  }
  return { text, end: at };
}

function readDouble(line: string, from: number): Word | null {
  let text = "";
  for (let at = from; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (char === '"') return { text, end: at + 1 };
    if (char !== "\\" || at + 1 >= line.length) {
      text += char;
    } else if (line.charAt(at + 1) === "x" && HEX.test(line.slice(at + 2, at + 4))) {
      text += String.fromCharCode(Number.parseInt(line.slice(at + 2, at + 4), 16));
      at += 3;
    } else {
      const escaped = line.charAt(at + 1);
      text += ESCAPES[escaped] ?? escaped;
      at += 1;
    }
  }
  return null;
}

function readSingle(line: string, from: number): Word | null {
  let text = "";
  for (let at = from; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (char === "'") return { text, end: at + 1 };
    if (char === "\\" && line.charAt(at + 1) === "'") {
      text += "'";
      at += 1;
    } else text += char;
  }
  return null;
}
