import { SqliteStore } from "../../../../src/adapters/sqlite/store.ts";
import { APP, command, entry, note, stateAt } from "../../../support/journal.ts";

/** Appends without end, says each sequence number once its promise has resolved, and waits to be killed. */
const store = new SqliteStore(process.argv[2] ?? "");
const epoch = await store.openEpoch(APP, 0);
const { snapshot, entries } = await store.load(APP);
for (let seq = (entries.at(-1)?.seq ?? snapshot?.seq ?? 0) + 1; ; seq += 1) {
  const commands = [command(`${seq}.a`), command(`${seq}.b`)];
  const notes = [note(`${seq}.a`), note(`${seq}.b`), note(`${seq}.c`)];
  const event = { kind: "output.written", lines: ["x".repeat(2_000)], at: seq, settles: `${seq - 1}.a` } as const;
  await store.append(APP, entry(seq, { epoch, event, commands, notes }));
  process.stdout.write(`${seq}\n`);
  if (seq % 25 === 0) await store.saveSnapshot(APP, seq, stateAt(seq));
}
