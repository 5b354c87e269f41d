import { open, readdir, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { LogChunk } from "../api/daemon.ts";
import { HitlessError } from "../base/error.ts";

const CHUNK_BYTES = 256 * 1024;
const NAME = /^[a-z0-9][a-z0-9.-]*$/;

/**
 * A piece of an instance's log: from `offset`, or the last `lines` lines.
 * @throws ERR_INSTANCE_UNKNOWN listing those that have a log
 */
export async function readLog(
  stateDirectory: string,
  app: string,
  instance: string,
  from: { offset: number | null; lines: number },
): Promise<LogChunk> {
  const directory = join(stateDirectory, "apps", app, "logs");
  const file = NAME.test(instance) ? await open(join(directory, `${instance}.log`), "r").catch(() => null) : null;
  if (file === null) throw await unknown(directory, app, instance);
  try {
    const { size } = await file.stat();
    // A smaller file than the offset has been rotated: it begins anew.
    if (from.offset !== null) return await piece(file, from.offset > size ? 0 : from.offset, size);
    const { text, offset } = await tail(file);
    // Just after a rotation the latest words are in the file before.
    const earlier = text.split("\n").length > from.lines ? "" : await rotated(join(directory, `${instance}.log.1`));
    return { text: lastLines(earlier + text, from.lines), offset };
  } finally {
    await file.close();
  }
}

async function tail(file: FileHandle): Promise<LogChunk> {
  const { size } = await file.stat();
  const start = Math.max(0, size - CHUNK_BYTES);
  const { text, offset } = await piece(file, start, size);
  // What begins in the middle of a character begins with the next one.
  return { text: start === 0 ? text : text.replace(/^\uFFFD{1,3}/, ""), offset };
}

async function rotated(path: string): Promise<string> {
  const file = await open(path, "r").catch(() => null);
  if (file === null) return "";
  try {
    return (await tail(file)).text;
  } finally {
    await file.close();
  }
}

/** Whole characters only: the bytes of one that is cut off belong to the next piece. */
async function piece(file: FileHandle, start: number, size: number): Promise<LogChunk> {
  const length = Math.min(CHUNK_BYTES, Math.max(0, size - start));
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  const whole = bytesRead - cutOff(buffer.subarray(0, bytesRead));
  return { text: buffer.toString("utf8", 0, whole), offset: start + whole };
}

/** How many bytes at the end are the beginning of a UTF-8 sequence that is not complete (RFC 3629, section 3). */
function cutOff(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
  }
  return 0;
}

function lastLines(text: string, lines: number): string {
  const all = text.split("\n");
  const ended = all.at(-1) === "";
  if (ended) all.pop();
  return all.slice(-lines).join("\n") + (ended && lines > 0 && all.length > 0 ? "\n" : "");
}

async function unknown(directory: string, app: string, instance: string): Promise<HitlessError> {
  const names = (await readdir(directory).catch(() => []))
    .filter((name) => name.endsWith(".log"))
    .map((name) => name.slice(0, -".log".length));
  return new HitlessError({
    code: "ERR_INSTANCE_UNKNOWN",
    what: `${app} has no log of ${instance}.`,
    ...(names.length === 0 ? {} : { why: `There are logs of ${names.toSorted().slice(-20).join(", ")}.` }),
    next: "See what runs with `hitless status`.",
  });
}
