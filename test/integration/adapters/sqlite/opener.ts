import { createInterface } from "node:readline";
import { SqliteStore } from "../../../../src/adapters/sqlite/store.ts";

/** Opens the journal of each directory it is told, and says what came of it. */
for await (const directory of createInterface({ input: process.stdin })) {
  try {
    await new SqliteStore(directory).apps();
    process.stdout.write("open\n");
  } catch (error) {
    process.stdout.write(`${String(error)}: ${String((error as Error).cause)}\n`);
  }
}
