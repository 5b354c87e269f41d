import { open, type FileHandle } from "node:fs/promises";
import { randomInt } from "node:crypto";
import type { Entry } from "../data/entry.ts";
import type { Keyspace } from "../data/keyspace.ts";
import { fileHead, sealFrame } from "./frames.ts";
import type { LogFiles } from "./log-files.ts";
import { RecordWriter } from "./records.ts";

/** Written in pieces of this size; between them commands run. */
const PIECE_BYTES = 262_144;
/** Keys that have expired cost time too. */
const PIECE_KEYS = 2_000;
const SALT_END = 2 ** 32;

/**
 * Writes the whole keyspace into a new base, while it goes on changing: what changes stands in the log that was begun before, and applying that to a snapshot
 * which has seen some of it already leads to the same state (data/effects.ts). Gives the bytes of the base.
 */
export async function writeBase(keyspace: Keyspace, files: LogFiles, number: number): Promise<number> {
  const part = `${files.base(number)}.part`;
  const file = await open(part, "w", 0o600);
  try {
    const bytes = await writeAll(keyspace, file);
    await file.sync();
    files.publish(part, number);
    return bytes;
  } finally {
    await file.close();
  }
}

/** One buffer serves for all of it: each new one would make the garbage collector go through all keys sooner. */
async function writeAll(keyspace: Keyspace, file: FileHandle): Promise<number> {
  const salt = randomInt(SALT_END);
  const records = new RecordWriter();
  const head = fileHead(salt);
  await file.write(head);
  let [bytes, frames, keys] = [head.length, 0, 0];
  const put = async (): Promise<void> => {
    keys = 0;
    if (records.length === 0) return;
    frames += 1;
    const frame = records.take();
    sealFrame(frame, frames, salt);
    for (let at = 0; at < frame.length;) at += (await file.write(frame, at)).bytesWritten;
    bytes += frame.length;
  };
  for (const { number: database, entries } of keyspace.databases) {
    for (const [key, entry] of entries) {
      record(records, database, key, entry);
      keys += 1;
      if (records.length >= PIECE_BYTES || keys >= PIECE_KEYS) await put();
    }
  }
  await put();
  return bytes;
}

function record(records: RecordWriter, database: number, key: string, { value, expireAt }: Entry): void {
  if (typeof value === "string") {
    records.set(database, key, value, expireAt);
    return;
  }
  records.setFields(database, key, [...value].flat());
  if (expireAt !== 0) records.expire(database, key, expireAt);
}
