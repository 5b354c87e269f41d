import { constants, type Dirent, type Stats } from "node:fs";
import { access, lstat, readdir, readFile, readlink, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize, relative, sep } from "node:path";
import ignore, { type Ignore } from "ignore";
import { HitlessError } from "../../base/error.ts";

/** What a snapshot takes from the source. Paths are relative with `/`, sorted. */
export interface SourceEntry {
  readonly path: string;
  readonly kind: "file" | "link" | "directory";
  /** Permission bits. */
  readonly mode: number;
  readonly bytes: number;
}

interface Scope {
  /** Directory the rules belong to, relative to the root; "" for the root. */
  readonly base: string;
  readonly rules: Ignore;
}

const IGNORE_FILES = [".gitignore", ".hitlessignore"];

/**
 * Lists what belongs to a release: everything that no ignore rule names (patterns, `.gitignore` and `.hitlessignore` of every directory),
 * without `.git` and without `excluded` (the state directory, should it lie inside). Every file that cannot be part of a release is listed.
 * @throws ERR_SOURCE_MISSING, ERR_SOURCE_UNREADABLE
 */
export async function scanSource(source: string, patterns: readonly string[], excluded: string): Promise<readonly SourceEntry[]> {
  await throwIfNoDirectory(source);
  const scan = new Scan(await realpath(source), await realpath(excluded).catch(() => excluded));
  await scan.directory("", [{ base: "", rules: newRules().add([...patterns]) }]);
  if (scan.problems.length > 0) {
    throw new HitlessError({
      code: "ERR_SOURCE_UNREADABLE",
      what: `${source} holds ${String(scan.problems.length)} ${scan.problems.length === 1 ? "entry" : "entries"} that cannot be part of a release.`,
      next: "Remove them, or name them in .hitlessignore.",
      details: scan.problems.toSorted(),
    });
  }
  return scan.entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function throwIfNoDirectory(source: string): Promise<void> {
  const stat = await lstat(await realpath(source).catch(() => source)).catch(() => null);
  if (stat?.isDirectory() === true) return;
  throw new HitlessError({
    code: "ERR_SOURCE_MISSING",
    what: `The source directory ${source} ${stat === null ? "does not exist" : "is not a directory"}.`,
    next: "Check `source` in the configuration.",
  });
}

class Scan {
  readonly entries: SourceEntry[] = [];
  readonly problems: string[] = [];
  readonly #root: string;
  readonly #excluded: string;

  constructor(root: string, excluded: string) {
    this.#root = root;
    this.#excluded = excluded;
  }

  async directory(path: string, scopes: readonly Scope[]): Promise<void> {
    const absolute = join(this.#root, path);
    const names = await readdir(absolute, { withFileTypes: true }).catch((cause: unknown) => {
      const error = cause as NodeJS.ErrnoException;
      this.problems.push(`${path || "."}: cannot be read (${error.code ?? error.message})`);
      return [];
    });
    const inner = await this.#withRules(path, names, scopes);
    for (const name of names) {
      const child = path === "" ? name.name : `${path}/${name.name}`;
      if (name.name === ".git" || join(this.#root, child) === this.#excluded) continue;
      if (isIgnored(child, name.isDirectory(), inner)) continue;
      await this.#entry(child, name, inner);
    }
  }

  async #withRules(path: string, names: readonly Dirent[], scopes: readonly Scope[]): Promise<readonly Scope[]> {
    let rules: Ignore | null = null;
    for (const file of IGNORE_FILES) {
      if (!names.some((name) => name.name === file && name.isFile())) continue;
      rules ??= newRules();
      rules.add(await readFile(join(this.#root, path, file), "utf8").catch(() => ""));
    }
    return rules === null ? scopes : [...scopes, { base: path, rules }];
  }

  async #entry(path: string, name: Dirent, scopes: readonly Scope[]): Promise<void> {
    const absolute = join(this.#root, path);
    const stat = await this.#stat(path, absolute);
    if (stat === null) return;
    const mode = stat.mode & 0o777;
    if (name.isDirectory()) {
      this.entries.push({ path, kind: "directory", mode, bytes: 0 });
      await this.directory(path, scopes);
    } else if (name.isSymbolicLink()) {
      await this.#link(path, absolute);
    } else if (name.isFile()) {
      const readable = await access(absolute, constants.R_OK).then(
        () => true,
        () => false,
      );
      if (readable) this.entries.push({ path, kind: "file", mode, bytes: stat.size });
      else this.problems.push(`${path}: permission to read it is missing`);
    } else {
      this.problems.push(`${path}: is ${kindOf(name)}`);
    }
  }

  async #stat(path: string, absolute: string): Promise<Stats | null> {
    try {
      return await lstat(absolute);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      // What is removed while we look is no longer part of the source; a name that cannot be said is.
      if (code !== "ENOENT") this.problems.push(`${path}: cannot be read (${code ?? message})`);
      else if (path.includes("\uFFFD")) this.problems.push(`${path}: its name is not valid UTF-8`);
      return null;
    }
  }

  /** A link is kept as a link; it must lead to something inside the tree, or the snapshot would not be whole or would follow what is live. */
  async #link(path: string, absolute: string): Promise<void> {
    const to = await readlink(absolute);
    const target = await realpath(absolute).catch(() => null);
    if (target === null) this.problems.push(`${path}: is a link to ${to}, which does not exist`);
    else if (leavesTree(path, to) || !this.#holds(target))
      this.problems.push(`${path}: is a link to ${to}, outside the source directory`);
    else this.entries.push({ path, kind: "link", mode: 0o777, bytes: 0 });
  }

  #holds(absolute: string): boolean {
    return absolute === this.#root || absolute.startsWith(this.#root + sep);
  }
}

/** Says so of `../tree/file` too: the snapshot has another name than the source. */
function leavesTree(path: string, to: string): boolean {
  const target = normalize(join(dirname(path), to));
  return isAbsolute(to) || target === ".." || target.startsWith(`..${sep}`);
}

/** Names are case-sensitive, as they are to git where the file system tells them apart. */
function newRules(): Ignore {
  return ignore({ ignorecase: false });
}

/** As git does: the innermost rule file that says something decides. */
function isIgnored(path: string, isDirectory: boolean, scopes: readonly Scope[]): boolean {
  for (const { base, rules } of scopes.toReversed()) {
    const below = base === "" ? path : relative(base, path);
    const verdict = rules.test(isDirectory ? `${below}/` : below);
    // The library passes a directory's verdict on to what is in it. We are in it: an inner rule has taken the directory back in.
    if (verdict.ignored && !isIgnoredAbove(below, rules)) return true;
    if (verdict.unignored) return false;
  }
  return false;
}

function isIgnoredAbove(path: string, rules: Ignore): boolean {
  const above = dirname(path);
  return above !== "." && rules.test(`${above}/`).ignored;
}

function kindOf(name: Dirent): string {
  if (name.isSocket()) return "a socket";
  if (name.isFIFO()) return "a named pipe";
  return name.isBlockDevice() || name.isCharacterDevice() ? "a device" : "neither a file, a directory nor a link";
}
