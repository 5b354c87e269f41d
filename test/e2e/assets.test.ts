import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectEqualBooks } from "../support/books.ts";
import { Site, type SiteOptions } from "../support/site.ts";
import { until } from "../support/temp.ts";

const OPTIONS: SiteOptions = { instances: 1, assets: { paths: { "/assets": "assets" }, keep: 2 } };

/** The release's only asset is named after it, as build tools do. */
function write(site: Site, name: string, before?: string): void {
  const at = (file: string): string => join(site.app.path, "assets", `${file}.js`);
  if (before === undefined) mkdirSync(join(site.app.path, "assets"));
  else renameSync(at(before), at(name));
  site.app.write(`assets/${name}.js`, `export default "${name}";`);
  site.write(name, OPTIONS);
}

test(
  "users of the first release's pages get its assets, and their answers, through two deployments and one way back",
  { timeout: 120_000 },
  async () => {
    const site = await Site.up();
    write(site, "one");
    await site.succeeds("deploy");
    const users = site.users({ rate: 200, paths: ["/", "/assets/one.js"] });
    await until(() => users.requests > 100);
    write(site, "two", "one");
    await site.succeeds("deploy");
    write(site, "three", "two");
    await site.succeeds("deploy");
    const get = async (name: string): Promise<string> => {
      const answer = await fetch(`${site.url}/assets/${name}.js`);
      return `${answer.headers.get("x-hitless-asset") ?? "-"} ${await answer.text()}`;
    };
    // Kept are two; the configuration would keep three releases anyway.
    expect([await get("one"), await get("two"), await get("three")]).toEqual([
      'r1 export default "one";',
      'r2 export default "two";',
      '- export default "three";',
    ]);
    await site.succeeds("rollback");
    expect(await get("three")).toBe('r3 export default "three";');
    await expectEqualBooks(site, users, { others: 4 });
  },
);
