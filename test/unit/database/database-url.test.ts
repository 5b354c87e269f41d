import { describe, expect, it } from "vitest";
import { connect } from "../../../src/adapters/postgres/connection.ts";

describe("a URL of a database that is none", () => {
  it.each([
    ["sEcret-words", "It is a text of 12 characters that names no protocol."],
    ["  ", "It is empty."],
    ["host=db password=sEcret", "It is a list of `name=value`."],
    ["mysql://u:sEcret@db/x", "It is a URL of `mysql:`."],
    ["u:sEcret@db/x", "It is a text of 13 characters that names no protocol."],
    ["postgres://u:sEcret#1@db/x", "It begins as a URL, but cannot be read as one"],
  ])("%s is refused with what it is, and without what may be a password", async (url, says) => {
    const refused = connect(url);
    await expect(refused).rejects.toMatchObject({
      code: "ERR_DATABASE_URL",
      failure: { why: expect.stringContaining(says) as string, next: expect.stringContaining("postgres://USER:") as string },
    });
    const failure = await refused.catch((error: unknown) => JSON.stringify((error as { failure?: unknown }).failure));
    expect(failure).not.toContain("sEcret");
  });
});
