import type { SqlLanguage } from "../database/language.ts";
import type { SourceFile } from "../database/source/migrations.ts";

/** Where the SQL of a release is read. */
export interface SqlSources {
  /** Every file below the directory, sorted by path; null: there is no such directory. */
  read(directory: string): Promise<readonly SourceFile[] | null>;
  /** PostgreSQL's grammar; loaded when it is first needed. */
  language(): Promise<SqlLanguage>;
}
