import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openAsset } from "../../../../../src/proxy/worker/assets/asset-file.ts";
import { assetPath } from "../../../../../src/proxy/worker/assets/asset-path.ts";
import { temporaryDirectory } from "../../../../support/temp.ts";

test.each([
  ["/assets/app.js", "app.js"],
  ["/assets/js/a%20b.js?dpl=r1", "js/a b.js"],
  ["/assets/caf%C3%A9.css", "café.css"],
  ["/assets/..app.js", null],
  ["/assets/../secret", null],
  ["/assets/%2e%2e/secret", null],
  ["/assets/a%2f..%2fsecret", null],
  ["/assets/..%5csecret", null],
  ["/assets/.env", null],
  ["/assets/.well-known/x", null],
  ["/assets/a%00.js", null],
  ["/assets/a%zz.js", null],
  ["/assets//app.js", null],
  ["/assets/", null],
  ["/assets", null],
  ["/assetsapp.js", null],
  ["/ASSETS/app.js", null],
  ["*", null],
])("%s is %s", (target, path) => {
  expect(assetPath(target, "/assets")).toBe(path);
});

/** A release's directory with everything around the assets that nobody may have. */
function treeWithSecrets(): string {
  const tree = temporaryDirectory();
  const assets = join(tree, "assets");
  mkdirSync(join(assets, "js"), { recursive: true });
  mkdirSync(join(assets, ".git"));
  for (const file of ["secret", "assets/.env", "assets/.git/config", "assets-secret"]) writeFileSync(join(tree, file), "SECRET");
  for (const file of ["app.js", "js/chunk.js"]) writeFileSync(join(assets, file), "PUBLIC");
  symlinkSync("app.js", join(assets, "link.js"));
  symlinkSync("../secret", join(assets, "out.js"));
  symlinkSync("..", join(assets, "up"));
  symlinkSync(".git", join(assets, "git"));
  symlinkSync(".env", join(assets, "env.js"));
  symlinkSync("loop.js", join(assets, "loop.js"));
  execFileSync("mkfifo", [join(assets, "pipe.js")]);
  return tree;
}

async function textOf(tree: string, target: string): Promise<string | null> {
  const path = assetPath(target, "/assets");
  const file = path === null ? null : await openAsset(join(tree, "assets"), path);
  if (file === null) return null;
  try {
    return await file.handle.readFile("utf8");
  } finally {
    await file.handle.close();
  }
}

test("a file is read, through a link too; links that lead elsewhere, directories, pipes and hidden files are not", async () => {
  const tree = treeWithSecrets();
  for (const name of ["app.js", "js/chunk.js", "link.js"]) expect(await textOf(tree, `/assets/${name}`), name).toBe("PUBLIC");
  for (const name of ["out.js", "up/secret", "git/config", "env.js", "loop.js", "pipe.js", "js", "none.js", "app.js/x"])
    expect(await textOf(tree, `/assets/${name}`), name).toBeNull();
  expect(readFileSync(join(tree, "secret"), "utf8")).toBe("SECRET");
});

const PIECES = ["..", ".", "", "assets", "secret", "app.js", "js", "up", "git", "config", "out.js", ".env", "assets-secret", "a"];
const SEPARATORS = ["/", "//", "%2f", "%2F", "\\", "%5c", "%252f", "?", "%00"];
const DOTS = ["..", "%2e%2e", ".%2E", "%252e%252e", "..;", "..%00"];

test("whatever a target is made of, nothing outside the directory and nothing hidden is ever read", async () => {
  const tree = treeWithSecrets();
  const piece = fc.oneof(fc.constantFrom(...PIECES), fc.constantFrom(...DOTS), fc.string({ maxLength: 4 }));
  const pieces = fc.array(fc.tuple(piece, fc.constantFrom(...SEPARATORS)), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.boolean(), async (parts, rooted) => {
      const target = `${rooted ? "/assets/" : "/"}${parts.flat().join("")}`;
      expect([null, "PUBLIC"], target).toContain(await textOf(tree, target));
    }),
    { numRuns: 2_000 },
  );
});
