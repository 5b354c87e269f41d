import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { examineLayers } from "../../../scripts/layers.ts";
import { temporaryDirectory } from "../../support/temp.ts";

/** Writes a tree whose packages are those of this repository and gives the names of the rules it breaks, each once. */
async function brokenRules(files: Readonly<Record<string, string>>): Promise<string[]> {
  const { problems } = await examineLayers(writeTree(files), 1);
  return [...new Set(problems.map((problem) => problem.split(":")[0] ?? ""))].toSorted();
}

function writeTree(files: Readonly<Record<string, string>>): string {
  const root = temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  writeFileSync(join(root, "package.json"), JSON.stringify({ type: "module", dependencies: { zod: "*", yaml: "*" } }));
  symlinkSync(resolve("node_modules"), join(root, "node_modules"));
  return root;
}

const LEAF = "export const leaf = 1;\n";
const importing = (path: string): string => `import { leaf } from "${path}";\nexport const user = leaf;\n`;
const importingType = (path: string): string => `import type { Leaf } from "${path}";\nexport type User = Leaf;\n`;

describe("a violation is reported with the name of its rule:", () => {
  test.each([
    ["base-imports", "src/base/a.ts", "../core/b.ts", "src/core/b.ts"],
    ["core-imports", "src/core/a.ts", "../engine/b.ts", "src/engine/b.ts"],
    ["database-imports", "src/database/a.ts", "../core/b.ts", "src/core/b.ts"],
    ["ports-imports", "src/ports/a.ts", "../engine/b.ts", "src/engine/b.ts"],
    ["config-imports", "src/config/a.ts", "../engine/b.ts", "src/engine/b.ts"],
    ["api-imports", "src/api/a.ts", "../server/b.ts", "src/server/b.ts"],
    ["proxy-imports", "src/proxy/a.ts", "../engine/b.ts", "src/engine/b.ts"],
    ["sessions-imports", "src/sessions/a.ts", "../core/b.ts", "src/core/b.ts"],
    ["engine-imports", "src/engine/a.ts", "../api/b.ts", "src/api/b.ts"],
    ["server-imports", "src/server/a.ts", "../proxy/b.ts", "src/proxy/b.ts"],
    ["cli-imports", "src/cli/a.ts", "../engine/b.ts", "src/engine/b.ts"],
    ["adapters-imports", "src/adapters/x/a.ts", "../../engine/b.ts", "src/engine/b.ts"],
    ["adapters-stand-apart", "src/adapters/x/a.ts", "../y/b.ts", "src/adapters/y/b.ts"],
    ["cli-imports-only-types-of-core", "src/cli/a.ts", "../core/b.ts", "src/core/b.ts"],
    ["src-stands-alone", "src/app/a.ts", "../../sim/b.ts", "sim/b.ts"],
    ["src-stands-alone", "src/app/a.ts", "../../test/b.ts", "test/b.ts"],
    ["src-stands-alone", "src/app/a.ts", "../../bench/b.ts", "bench/b.ts"],
    ["src-stands-alone", "src/app/a.ts", "../../scripts/b.ts", "scripts/b.ts"],
    ["sim-imports", "sim/a.ts", "../src/adapters/sqlite/b.ts", "src/adapters/sqlite/b.ts"],
  ])("%s in %s", async (rule, from, specifier, to) => {
    expect(await brokenRules({ [from]: importing(specifier), [to]: LEAF })).toEqual([rule]);
  });

  test.each(["base", "core", "database", "ports"])("pure-folders-have-no-platform in src/%s", async (folder) => {
    for (const platform of [
      'import "node:fs";\n',
      'import "fs";\n',
      'import "yaml";\n',
      'import type { Stats } from "node:fs";\nexport type S = Stats;\n',
    ])
      expect(await brokenRules({ [`src/${folder}/a.ts`]: platform })).toEqual(["pure-folders-have-no-platform"]);
  });

  test("only-app-imports-adapters, also by a type and by a dynamic import", async () => {
    const adapter = { "src/adapters/x/b.ts": "export type Leaf = 1;\nexport const leaf = 1;\n" };
    for (const text of [importing, importingType, (path: string) => `await import("${path}");\nexport {};\n`])
      expect(await brokenRules({ "src/server/a.ts": text("../adapters/x/b.ts"), ...adapter })).toEqual([
        "only-app-imports-adapters",
        "server-imports",
      ]);
    expect(await brokenRules({ "src/index.ts": importing("./adapters/x/b.ts"), ...adapter })).toEqual([
      "only-app-imports-adapters",
    ]);
  });

  test("api-only-zod and api-platform-only-in-transport", async () => {
    expect(await brokenRules({ "src/api/a.ts": 'import "yaml";\n' })).toEqual(["api-only-zod"]);
    expect(await brokenRules({ "src/api/transport/a.ts": 'import "yaml";\n' })).toEqual(["api-only-zod"]);
    expect(await brokenRules({ "src/api/a.ts": 'import "node:net";\n' })).toEqual(["api-platform-only-in-transport"]);
  });

  test("no-circle, also when it is closed by a type", async () => {
    const back = "import type { User } from './a.ts';\nexport const leaf = 1;\nexport type Back = User;\n";
    const there = `${importing("./b.ts")}export type User = 1;\n`;
    expect(await brokenRules({ "src/core/a.ts": there, "src/core/b.ts": back })).toEqual(["no-circle"]);
  });

  test("known-folders and resolvable", async () => {
    expect(await brokenRules({ "src/utils/a.ts": LEAF })).toEqual(["known-folders"]);
    expect(await brokenRules({ "src/core/a.ts": importing("./missing.ts") })).toEqual(["resolvable"]);
  });
});

describe("what is allowed is not reported:", () => {
  test("downward imports, types of core in the command line, zod and the platform where they belong", async () => {
    expect(
      await brokenRules({
        "src/base/leaf.ts": "export type Leaf = 1;\nexport const leaf = 1;\n",
        "src/core/a.ts": `${importing("../base/leaf.ts")}export type Leaf = 1;\n`,
        "src/cli/a.ts": importingType("../core/a.ts"),
        "src/cli/b.ts": importing("../core/ledger.ts"),
        "src/core/ledger.ts": LEAF,
        "src/api/a.ts": 'import "zod";\n',
        "src/api/transport/a.ts": 'import "node:http";\n',
        "src/adapters/x/a.ts": importing("./b.ts"),
        "src/adapters/x/b.ts": `import "node:fs";\n${LEAF}`,
        "src/app/a.ts": importing("../adapters/x/b.ts"),
        "test/a.test.ts": importing("../src/adapters/x/b.ts"),
      }),
    ).toEqual([]);
  });
});

describe("a tree in which too little was found", () => {
  test("fails when it is empty", async () => {
    expect((await examineLayers(temporaryDirectory())).problems).toEqual([
      "fewest-modules: 0 modules were found, at least 60 expected",
    ]);
  });

  test("fails when it holds fewer modules than the minimum", async () => {
    expect((await examineLayers(writeTree({ "src/base/a.ts": LEAF }))).problems).toEqual([
      "fewest-modules: 1 modules were found, at least 60 expected",
    ]);
  });
});
