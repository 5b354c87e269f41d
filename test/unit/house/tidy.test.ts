import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { brokenLinks, titles } from "./markdown.ts";

const NOT_OURS = ["node_modules/**", "**/node_modules/**", "dist/**", "coverage/**", ".hitless/**"];
const files = (...patterns: string[]): string[] => globSync(patterns, { exclude: NOT_OURS }).toSorted();
const read = (path: string): string => readFileSync(path, "utf8");

/** `path:line` of every line that matches. */
function linesWith(pattern: RegExp, paths: readonly string[]): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split("\n")
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  );
}

describe("the code", () => {
  test("leaves no test switched to run alone", () => {
    const paths = files("test/**/*.ts");
    expect(paths.length).toBeGreaterThan(0);
    expect(linesWith(/\b(?:test|it|describe|suite)(?:\.\w+)*\.only\b/, paths)).toEqual([]);
  });

  test("has its tests where they are run", () => {
    const paths = files("**/*.test.*", "**/*.spec.*");
    expect(paths.filter((path) => !/^test\/(?:unit|property|simulation|integration|e2e)\/.*\.test\.ts$/.test(path))).toEqual([]);
  });

  test("writes to the console only in the command line and in programs", () => {
    const paths = files("src/**/*.ts").filter((path) => !/^src\/(?:cli|app)\//.test(path));
    expect(paths.length).toBeGreaterThan(0);
    expect(linesWith(/\bconsole\./, paths)).toEqual([]);
  });
});

describe("every page of documentation", () => {
  const pages = files("*.md", "docs/**/*.md", "examples/**/*.md", "bench/**/*.md", ".github/**/*.md");

  test("is found", () => {
    expect(pages).toContain("CHANGELOG.md");
    expect(pages).toContain("docs/errors.md");
  });

  test.each(pages)("%s has one title", (page) => {
    expect(titles(read(page))).toHaveLength(1);
  });

  test.each(pages)("%s has relative links that lead somewhere", (page) => {
    const pageAt = (target: string): string | null => {
      const path = resolve(dirname(page), target);
      if (!existsSync(path)) return null;
      return path.endsWith(".md") ? read(path) : "";
    };
    expect(brokenLinks(read(page), pageAt)).toEqual([]);
  });
});

describe("the rules for pages", () => {
  test("see a second title, but not one inside a code block", () => {
    expect(titles("# One\n\n```sh\n# a comment\n```\n\n# Two\n")).toEqual(["One", "Two"]);
  });

  test("see a link to a page or a heading that does not exist", () => {
    const other = (target: string): string | null => (target === "b.md" ? "# B\n\n## What it is: a start\n" : null);
    const text =
      "# A\n[a](b.md) [b](c.md) [c](b.md#what-it-is-a-start) [d](b.md#nothing) [e](#a) [f](#z) [g](https://x.example/)\n`[h](code.md)`\n";
    expect(brokenLinks(text, other)).toEqual(["c.md", "b.md#nothing", "#z"]);
  });
});

test("the changelog has an Unreleased section", () => {
  expect(read("CHANGELOG.md")).toMatch(/^## Unreleased$/m);
});

test("the README names the command that CI runs", () => {
  expect(read(".ci/run")).toMatch(/^npm cit\b/m);
  expect(read("README.md")).toMatch(/^npm cit\b/m);
});
