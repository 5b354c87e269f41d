import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite, type PGliteOptions } from "@electric-sql/pglite";
import { writeWhole } from "../../../platform/whole-file.ts";

/** A PostgreSQL in WebAssembly, in a thread of its own: its memory goes with the thread, and nobody waits for its work. */

export interface ThreadData {
  readonly extensions: readonly string[];
  /** A file with an empty database, so that not every run has to make one. */
  readonly cache: string;
}

export interface ThreadQuery {
  readonly id: number;
  readonly sql: string;
}

export type ThreadAnswer =
  { readonly id: number; readonly rows: readonly unknown[] } | { readonly id: number; readonly error: CopyError };

/** What a PostgreSQL error says of itself, as far as it matters. */
export interface CopyError {
  readonly message: string;
  readonly code: string;
  readonly where: string;
  readonly detail: string;
}

const { extensions, cache } = workerData as ThreadData;
const database = await open();

parentPort?.on("message", ({ id, sql }: ThreadQuery) => {
  void database.exec(sql).then(
    (results) => {
      answer({ id, rows: results.at(-1)?.rows ?? [] });
    },
    (error: unknown) => {
      const { message = String(error), code = "", where = "", detail = "" } = error as Partial<CopyError>;
      answer({ id, error: { message, code, where, detail } });
    },
  );
});
answer({ id: 0, rows: [] });

function answer(message: ThreadAnswer): void {
  parentPort?.postMessage(message);
}

/** Making a database anew takes ten times as long as loading one. */
async function open(): Promise<PGlite> {
  const options = { extensions: await contrib(), relaxedDurability: true };
  const saved = await readFile(cache).catch(() => null);
  if (saved !== null) {
    try {
      return await PGlite.create({ ...options, loadDataDir: new Blob([saved]) });
    } catch {
      // Of another build, or damaged: it is made anew.
    }
  }
  const made = await PGlite.create(options);
  await save(made).catch(() => undefined);
  return made;
}

async function save(made: PGlite): Promise<void> {
  const dump = await made.dumpDataDir("gzip");
  await mkdir(dirname(cache), { recursive: true, mode: 0o700 });
  await writeWhole(cache, Buffer.from(await dump.arrayBuffer()));
}

/** Those that the package has; objects of others cannot be copied, and are named. */
async function contrib(): Promise<NonNullable<PGliteOptions["extensions"]>> {
  const found: NonNullable<PGliteOptions["extensions"]> = {};
  for (const name of extensions.map((extension) => extension.replaceAll("-", "_"))) {
    const module = (await import(`@electric-sql/pglite/contrib/${name}`).catch(() => ({}))) as Record<string, unknown>;
    if (name in module) found[name] = module[name] as (typeof found)[string];
  }
  return found;
}
