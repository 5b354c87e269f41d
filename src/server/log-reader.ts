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
  return piece(file, Math.max(0, size - CHUNK_BYTES), size);
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

async function piece(file: FileHandle, start: number, size: number): Promise<LogChunk> {
  const length = Math.min(CHUNK_BYTES, Math.max(0, size - start));
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  return { text: buffer.toString("utf8", 0, bytesRead), offset: start + bytesRead };
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
