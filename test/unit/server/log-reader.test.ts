import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readLog } from "../../../src/server/log-reader.ts";
import { temporaryDirectory } from "../../support/temp.ts";

const CHUNK = 256 * 1024;
const EVERYTHING = 1_000_000;

function logOf(content: string | Buffer): { directory: string; path: string } {
  const directory = temporaryDirectory();
  const logs = join(directory, "apps", "shop", "logs");
  mkdirSync(logs, { recursive: true });
  const path = join(logs, "web.r1.1.log");
  writeFileSync(path, content);
  return { directory, path };
}

async function from(directory: string, offset: number): Promise<{ text: string; offset: number }> {
  return readLog(directory, "shop", "web.r1.1", { offset, lines: 0 });
}

/** Piece after piece, as `logs -f` asks for them. */
async function pieces(directory: string): Promise<string> {
  let all = "";
  for (let offset = 0; ;) {
    const piece = await from(directory, offset);
    if (piece.text === "") return all;
    all += piece.text;
    offset = piece.offset;
  }
}

test.each([
  ["é", 1],
  ["€", 1],
  ["€", 2],
  ["😀", 1],
  ["😀", 2],
  ["😀", 3],
])("%s with %i of its bytes before the end of a piece is whole in the next one", async (character, before) => {
  const content = `${"a".repeat(CHUNK - before)}${character}b${"c".repeat(CHUNK)}\n`;
  expect(await pieces(logOf(content).directory)).toBe(content);
});

test("a character of which only a part is written yet comes when it is whole", async () => {
  const euro = Buffer.from("€");
  const { directory, path } = logOf(Buffer.concat([Buffer.from("a"), euro.subarray(0, 2)]));
  expect(await from(directory, 0)).toEqual({ text: "a", offset: 1 });
  appendFileSync(path, euro.subarray(2));
  expect(await from(directory, 1)).toEqual({ text: "€", offset: 4 });
});

test("bytes that are no UTF-8 do not hold up what follows", async () => {
  const content = Buffer.concat([Buffer.from("a"), Buffer.from([0xff, 0x80, 0x80, 0x80, 0x80]), Buffer.from("b\n")]);
  expect(await pieces(logOf(content).directory)).toMatch(/^a\uFFFD+b\n$/);
  expect(await pieces(logOf(Buffer.alloc(10, 0x80)).directory)).toMatch(/^\uFFFD+$/);
});

test("the last lines of a long log do not begin with half a character", async () => {
  const { directory } = logOf(`${"€".repeat(CHUNK)}\n`);
  const { text } = await readLog(directory, "shop", "web.r1.1", { offset: null, lines: EVERYTHING });
  expect(text).toMatch(/^€+\n$/);
});
