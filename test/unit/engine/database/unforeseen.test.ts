import { describe, expect, it } from "vitest";
import type { DatabaseParts } from "../../../../src/engine/database/releases.ts";
import { DatabaseReleases } from "../../../../src/engine/database/releases.ts";
import { failed } from "../../../../src/engine/failed-command.ts";
import type { Releases } from "../../../../src/ports/releases.ts";

/** The release's files are there; its database throws. */
async function failureOf(error: Error): Promise<unknown> {
  const discarded: string[] = [];
  const inner = {
    create: () => Promise.resolve({ kind: "created", record: { spec: { database: { variable: "DATABASE_URL" } } } }),
    workplace: () => Promise.resolve({ env: { DATABASE_URL: "postgres://db/shop" }, directory: "/r2" }),
    discard: (_: string, release: string) => Promise.resolve(discarded.push(release)),
  } as unknown as Releases;
  const database = { lease: () => Promise.reject(error) };
  const releases = new DatabaseReleases(inner, { database } as unknown as DatabaseParts);
  const { signal } = new AbortController();
  const caught: unknown = await releases
    .create("shop", "r2", { signal, onOutput: () => undefined } as never)
    .catch((thrown: unknown) => thrown);
  expect(discarded).toEqual(["r2"]);
  const event = failed({ kind: "release.create", release: "r2" } as never, caught);
  return (event as { failure?: unknown }).failure;
}

describe("an error that nobody has foreseen while the database is upgraded", () => {
  it("is told as the database's, with what PostgreSQL says", async () => {
    const error = Object.assign(new Error("cache lookup failed for relation 4711"), { code: "XX000" });
    expect(await failureOf(error)).toEqual({
      code: "ERR_DATABASE_FAILED",
      what: "The database could not be given what r2 needs.",
      why: "cache lookup failed for relation 4711 (XX000)",
      next: expect.stringContaining("hitless db status") as string,
    });
  });

  it.each([
    ["terminating connection due to administrator command", "57P01"],
    ["read ECONNRESET", "ECONNRESET"],
    ["Connection terminated unexpectedly", undefined],
  ])("is the connection's where that is gone: %s", async (message, code) => {
    expect(await failureOf(Object.assign(new Error(message), { code }))).toMatchObject({ code: "ERR_DATABASE_UNREACHABLE" });
  });
});
