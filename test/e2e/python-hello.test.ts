import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { expectEqualBooks } from "../support/books.ts";
import { isInstalled } from "../support/found.ts";
import { Site } from "../support/site.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/python-hello/", import.meta.url));

describe.skipIf(!isInstalled("python3"))("the Python example", () => {
  test("is replaced by a second release under load", async () => {
    const site = await Site.up();
    rmSync(join(site.app.path, "hitless.config.json"));
    cpSync(EXAMPLE, site.app.path, { recursive: true });
    edit(join(site.app.path, "hitless.config.yaml"), [
      [/^app: .*$/m, `app: ${Site.app}`],
      [/^listen: .*$/m, `listen: ${new URL(site.url).host}`],
    ]);
    await site.succeeds("deploy");
    const users = site.users({ rate: 150, post: 0, paths: ["/"] });
    edit(join(site.app.path, "hello.py"), [[/^GREETING = .*$/m, 'GREETING = "Good day"']]);
    await site.succeeds("deploy");
    expect(await (await fetch(site.url)).text()).toMatch(/^Good day from release r2/);
    await site.succeeds("rollback");
    expect(await (await fetch(site.url)).text()).toMatch(/^Hello from release r1/);
    await expectEqualBooks(site, users, { others: 2 });
  });
});

function edit(path: string, changes: readonly (readonly [RegExp, string])[]): void {
  const before = readFileSync(path, "utf8");
  const after = changes.reduce((text, [from, to]) => text.replace(from, to), before);
  for (const [from] of changes) expect(before).toMatch(from);
  writeFileSync(path, after);
}
