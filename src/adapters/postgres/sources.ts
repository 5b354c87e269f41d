import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { SqlLanguage } from "../../database/language.ts";
import type { SourceFile } from "../../database/source/migrations.ts";
import type { SqlSources } from "../../ports/sources.ts";

let language: Promise<SqlLanguage> | null = null;

/** SQL files on disk. The parser is 1.7 MB of WebAssembly, which only those pay for who have a database. */
export const fileSources: SqlSources = {
  read: readSources,
  language: () => (language ??= import("./language.ts").then(({ loadSqlLanguage }) => loadSqlLanguage())),
};

const WANTED = /(?:\.sql|_journal\.json|migration_lock\.toml)$/;

async function readSources(directory: string): Promise<readonly SourceFile[] | null> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile() && WANTED.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
    return await Promise.all(paths.sort().map((path) => readSource(directory, path)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function readSource(directory: string, path: string): Promise<SourceFile> {
  const bytes = await readFile(path);
  return {
    path: relative(directory, path).split(sep).join("/"),
    text: bytes.toString("utf8").replace(/^\uFEFF/, ""),
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
}
