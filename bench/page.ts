import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";

const PAGE = new URL("../docs/benchmarks.md", import.meta.url);

/** Puts the text between the marks of that name in docs/benchmarks.md. */
export function writeSection(name: string, text: string): void {
  const page = readFileSync(PAGE, "utf8");
  const begin = `<!-- ${name}: begin -->`;
  const end = `<!-- ${name}: end -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no place for "${name}"`);
  writeFileSync(PAGE, `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`);
}

/** What a figure depends on, in a line. */
export function machine(): string {
  const model = cpus()[0]?.model ?? "unknown processor";
  return `${cpus().length} × ${model}, Linux ${release().split("-", 1)[0] ?? ""}`;
}
