import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { open } from "node:fs/promises";
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
  const out = createWriteStream(part, { flags: "w", mode: 0o600 });
  const salt = randomInt(SALT_END);
  out.write(fileHead(salt));
  const records = new RecordWriter();
  let [frames, keys] = [0, 0];
  const put = async (): Promise<void> => {
    keys = 0;
    if (records.length === 0) return;
    frames += 1;
    const frame = records.take(true);
    sealFrame(frame, frames, salt);
    await write(out, frame);
  };
  for (const { number: database, entries } of keyspace.databases) {
    for (const [key, entry] of entries) {
      record(records, database, key, entry);
      keys += 1;
      if (records.length >= PIECE_BYTES || keys >= PIECE_KEYS) {
        await put();
        await new Promise(setImmediate);
      }
    }
  }
  await put();
  out.end();
  await once(out, "close");
  await synchronise(part);
  files.publish(part, number);
  return out.bytesWritten;
}

function record(records: RecordWriter, database: number, key: string, { value, expireAt }: Entry): void {
  if (typeof value === "string") {
    records.set(database, key, value, expireAt);
    return;
  }
  records.setFields(database, key, [...value].flat());
  if (expireAt !== 0) records.expire(database, key, expireAt);
}

async function write(out: WriteStream, frame: Buffer): Promise<void> {
  if (!out.write(frame)) await once(out, "drain");
}

async function synchronise(path: string): Promise<void> {
  const file = await open(path, "r+");
  await file.sync();
  await file.close();
}
