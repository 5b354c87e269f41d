import { describe, expect, it } from "vitest";
import { readMigrations, type SourceFile } from "../../../src/database/source/migrations.ts";

const file = (path: string, text = "SELECT 1;"): SourceFile => ({ path, text, sha256: `sum of ${path}` });
const read = (...files: SourceFile[]) => {
  const { format, migrations, problems } = readMigrations(files);
  return { format, versions: migrations.map(({ version }) => version), problems: problems.map(({ text }) => text) };
};

describe("readMigrations", () => {
  it("reads numbered files in the order of their numbers, not of their letters", () => {
    expect(read(file("10_c.sql"), file("9_b.sql"), file("0001_a.sql"))).toEqual({
      format: "numbered",
      versions: ["0001", "9", "10"],
      problems: [],
    });
  });

  it("reads Prisma's directories and leaves its lock file alone", () => {
    expect(
      read(file("20240102_b/migration.sql"), file("20240101_a/migration.sql"), file("migration_lock.toml", "provider")),
    ).toEqual({ format: "prisma", versions: ["20240101_a", "20240102_b"], problems: [] });
  });

  it("reads Drizzle's files as its journal lists them", () => {
    const journal = file("meta/_journal.json", JSON.stringify({ entries: [{ tag: "0000_a" }, { tag: "0001_b" }] }));
    expect(read(file("0001_b.sql"), file("0000_a.sql", "SELECT 1;--> statement-breakpoint\nSELECT 2;"), journal)).toEqual({
      format: "drizzle",
      versions: ["0000", "0001"],
      problems: [],
    });
    expect(read(file("0000_a.sql"), file("0007_stray.sql"), journal).problems).toHaveLength(1);
  });

  it("reads the way up of dbmate's files, with the offsets of the file", () => {
    const text = "-- migrate:up\nCREATE TABLE a ();\n-- migrate:down\nDROP TABLE a;\n";
    const { format, migrations } = readMigrations([file("20240101_a.sql", text)]);
    expect(format).toBe("dbmate");
    expect(migrations[0]?.sql).toBe("-- migrate:up\nCREATE TABLE a ();\n");
  });

  it("reads Flyway's versions by their parts, repeatable files last, undo files not at all", () => {
    expect(read(file("V1_10__c.sql"), file("R__views.sql"), file("V1.9__b.sql"), file("U1.9__b.sql"))).toEqual({
      format: "flyway",
      versions: ["1.9", "1.10", "views"],
      problems: [],
    });
  });

  it("reads golang-migrate's way up", () => {
    expect(read(file("2_b.up.sql"), file("1_a.up.sql"), file("1_a.down.sql"))).toEqual({
      format: "golang-migrate",
      versions: ["1", "2"],
      problems: [],
    });
  });

  it("names files that do not fit and versions that come twice", () => {
    expect(read(file("0001_a.sql"), file("0001_b.sql"), file("notes.sql")).problems).toEqual([
      "is not named as the numbered migrations beside it",
      "has the same version, 0001, as 0001_a.sql",
    ]);
  });
});
