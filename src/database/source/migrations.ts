import { positionAt, type SourceProblem } from "./position.ts";

/** A file as it was read; the path is relative to its directory, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** Of the file's bytes, in hex. */
  readonly sha256: string;
}

export const MIGRATION_FORMATS = ["numbered", "prisma", "drizzle", "dbmate", "flyway", "golang-migrate"] as const;
/** Whose way of laying out files it is. `numbered` is our own: `0001_name.sql`. */
export type MigrationFormat = (typeof MIGRATION_FORMATS)[number];

export interface Migration {
  /** What the tool calls its version: `0002`, `20240102030405_names`, `1.2`; a repeatable one's description. */
  readonly version: string;
  readonly name: string;
  readonly path: string;
  readonly checksum: string;
  /** The way up; what stands before it in the file is kept, so that offsets are those of the file. */
  readonly sql: string;
  /** Flyway's `R__`: run again whenever it changes. */
  readonly repeatable: boolean;
  /** Drizzle's journal: when it was made, in milliseconds; that is what Drizzle knows it by. */
  readonly journaledAt?: number | undefined;
}

export interface MigrationSource {
  readonly format: MigrationFormat;
  /** In the order in which they run. */
  readonly migrations: readonly Migration[];
  readonly problems: readonly SourceProblem[];
}

interface Layout {
  readonly format: MigrationFormat;
  readonly fits: (files: readonly SourceFile[]) => boolean;
  /** Null: not a migration of this layout. "aside": belongs to the layout but is not run. */
  readonly read: (file: SourceFile, files: readonly SourceFile[]) => Migration | "aside" | null;
  readonly compare: (one: Migration, other: Migration) => number;
}

const PRISMA = /^([^/]+)\/migration\.sql$/;
const FLYWAY = /^(?:.*\/)?(?:(V)(\d[\d._]*)|(R)|(U)\d[\d._]*)__(.+)\.sql$/;
const UP = /^(\d+)_(.+)\.up\.sql$/;
const NUMBERED = /^(\d+)[_-](.+)\.sql$/;
const DBMATE_UP = /^--\s*migrate:up\b/m;
const DBMATE_DOWN = /^--\s*migrate:down\b/m;
const JOURNAL = "meta/_journal.json";
/** The down section of one file that holds both ways. */
const OWN_DOWN = /^--\s*(?:migrate:down|Down Migration)\b/m;

const byVersion = (one: Migration, other: Migration): number => {
  const parts = (version: string): bigint[] =>
    version
      .split(/[._]/)
      .filter((part) => /^\d+$/.test(part))
      .map(BigInt);
  const [a, b] = [parts(one.version), parts(other.version)];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [x, y] = [a[index] ?? 0n, b[index] ?? 0n];
    if (x !== y) return x < y ? -1 : 1;
  }
  return one.path < other.path ? -1 : 1;
};
const byText = (one: Migration, other: Migration): number => (one.version < other.version ? -1 : 1);

const LAYOUTS: readonly Layout[] = [
  {
    format: "prisma",
    fits: (files) => files.some(({ path }) => PRISMA.test(path)),
    read: (file) => {
      const version = PRISMA.exec(file.path)?.[1];
      return version === undefined ? null : migration(file, version, version.replace(/^\d+_/, ""), file.text);
    },
    compare: byText,
  },
  {
    format: "flyway",
    fits: (files) => files.some(({ path }) => FLYWAY.test(path)),
    read: (file) => {
      const match = FLYWAY.exec(file.path);
      if (match === null) return null;
      const [, versioned, version = "", repeatable, undo, description = ""] = match;
      if (undo !== undefined) return "aside";
      const name = description.replaceAll("_", " ");
      if (repeatable !== undefined) return { ...migration(file, name, name, file.text), repeatable: true };
      return versioned === undefined ? null : migration(file, version.replaceAll("_", "."), name, file.text);
    },
    compare: (one, other) =>
      one.repeatable === other.repeatable ? (one.repeatable ? byText : byVersion)(one, other) : one.repeatable ? 1 : -1,
  },
  {
    format: "golang-migrate",
    fits: (files) => files.some(({ path }) => path.endsWith(".up.sql")),
    read: (file) => {
      if (file.path.endsWith(".down.sql")) return "aside";
      return numbered(UP.exec(file.path), file, file.text);
    },
    compare: byVersion,
  },
  {
    format: "drizzle",
    fits: (files) => files.some(({ path, text }) => path === JOURNAL || text.includes("--> statement-breakpoint")),
    read: (file, files) => {
      const tag = file.path.replace(/\.sql$/, "");
      const journal = drizzleJournal(files);
      const entry = journal?.find((one) => one.tag === tag);
      if (journal !== null && entry === undefined) return null;
      const read = numbered(NUMBERED.exec(file.path), file, file.text);
      return read === null ? null : { ...read, journaledAt: entry?.when };
    },
    compare: byVersion,
  },
  {
    format: "dbmate",
    fits: (files) => files.some(({ text }) => DBMATE_UP.test(text)),
    read: (file) => {
      if (!DBMATE_UP.test(file.text)) return null;
      const down = DBMATE_DOWN.exec(file.text)?.index ?? file.text.length;
      return numbered(NUMBERED.exec(file.path), file, file.text.slice(0, down));
    },
    compare: byVersion,
  },
  {
    format: "numbered",
    fits: () => true,
    read: (file) => {
      const down = OWN_DOWN.exec(file.text)?.index ?? file.text.length;
      return numbered(NUMBERED.exec(file.path), file, file.text.slice(0, down));
    },
    compare: byVersion,
  },
];

/** Recognises whose files they are and puts them into the order in which they run. Files that are not `.sql` are left alone. */
export function readMigrations(files: readonly SourceFile[]): MigrationSource {
  const layout = LAYOUTS.find(({ fits }) => fits(files));
  if (layout === undefined) return { format: "numbered", migrations: [], problems: [] };
  const problems: SourceProblem[] = [];
  const migrations: Migration[] = [];
  for (const file of files.filter(({ path }) => path.endsWith(".sql"))) {
    const read = layout.read(file, files);
    if (read === "aside") continue;
    if (read !== null) migrations.push(read);
    else problems.push({ position: start(file), text: `is not named as the ${layout.format} migrations beside it` });
  }
  migrations.sort((one, other) => layout.compare(one, other));
  for (const [index, one] of migrations.entries()) {
    const before = migrations[index - 1];
    if (before?.version === one.version && before.repeatable === one.repeatable) {
      problems.push({ position: start(one), text: `has the same version, ${one.version}, as ${before.path}` });
    }
  }
  return { format: layout.format, migrations, problems };
}

function migration(file: SourceFile, version: string, name: string, sql: string): Migration {
  return { version, name, path: file.path, checksum: file.sha256, sql, repeatable: false };
}

function numbered(match: RegExpExecArray | null, file: SourceFile, sql: string): Migration | null {
  return match === null ? null : migration(file, match[1] ?? "", match[2] ?? "", sql);
}

/** The migrations that Drizzle's journal knows; null without a journal that can be read. */
function drizzleJournal(files: readonly SourceFile[]): readonly { tag: string; when?: number }[] | null {
  const journal = files.find(({ path }) => path === JOURNAL);
  if (journal === undefined) return null;
  try {
    return (JSON.parse(journal.text) as { entries: readonly { tag: string; when?: number }[] }).entries;
  } catch {
    return null;
  }
}

function start({ path }: { readonly path: string }): SourceProblem["position"] {
  return positionAt(path, "", 0);
}
