import { createHash, randomBytes } from "node:crypto";
import { mkdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { HitlessError } from "../../base/error.ts";
import type { ReleaseName } from "../../base/names.ts";
import { mainType } from "../../core/app-spec.ts";
import type { PreviewKey, ReleaseRecord } from "../../core/release.ts";
import type { CreateOutcome, LaunchPlan, ReleaseRequest, Releases, Workplace } from "../../ports/releases.ts";
import { endLeftBuilds, runBuild } from "./build.ts";
import { gitState } from "./git.ts";
import { syncDirectory, writeWhole } from "../../platform/whole-file.ts";
import { readJson, ReleaseDirectory, type SnapshotFolder } from "./release-store.ts";
import { scanSource, type SourceEntry } from "./source-scan.ts";
import { copyTree } from "./tree-copy.ts";

type CreateOptions = Parameters<Releases["create"]>[2];

interface Attempt {
  readonly app: string;
  readonly release: ReleaseName;
  readonly directory: ReleaseDirectory;
  readonly options: CreateOptions;
  readonly request: StagedRequest;
}

/** Where the source was copied when the release was asked for, its revision was noted too. */
interface StagedRequest extends ReleaseRequest {
  readonly git?: Awaited<ReturnType<typeof gitState>> | undefined;
}

export interface SnapshotOptions {
  readonly stateDirectory: string;
  /** Default: `releases`. */
  readonly folder?: SnapshotFolder | undefined;
  readonly now: () => number;
  /** What builds get: they need what the operator's shell has (registries, proxies, credentials), unlike instances. */
  readonly buildEnvironment: Readonly<NodeJS.ProcessEnv>;
}

/** Releases as copies of the source directory in the state directory. */
export class SnapshotReleases implements Releases {
  readonly #options: SnapshotOptions;

  constructor(options: SnapshotOptions) {
    this.#options = options;
  }

  async stage(app: string, release: ReleaseName, request: ReleaseRequest, { copy } = { copy: false }): Promise<void> {
    const directory = this.#directory(app);
    await withDiskErrors(directory.path, async () => {
      await mkdir(directory.path, { recursive: true, mode: 0o700 });
      const staged = copy ? await this.#copied(directory, release, request) : request;
      await writeWhole(directory.request(release), JSON.stringify(staged));
    });
  }

  async #copied(directory: ReleaseDirectory, release: ReleaseName, request: ReleaseRequest): Promise<StagedRequest> {
    const source = directory.source(release);
    await rm(source, { recursive: true, force: true });
    await mkdir(source, { mode: 0o700 });
    const git = await gitState(request.source);
    try {
      const entries = await scanSource(request.source, request.ignore, this.#options.stateDirectory);
      await throwIfTooLarge(directory.path, entries);
      await copyTree(request.source, source, entries, new AbortController().signal);
    } catch (error) {
      await rm(source, { recursive: true, force: true });
      throw error;
    }
    return { ...request, source, git };
  }

  async create(app: string, release: ReleaseName, options: CreateOptions): Promise<CreateOutcome> {
    const directory = this.#directory(app);
    await directory.sweep();
    await endLeftBuilds(directory.partial(release));
    await rm(directory.partial(release), { recursive: true, force: true });
    const made = await readJson(join(directory.release(release), "release.json")).catch(() => null);
    if (made !== null) return { kind: "created", record: made as ReleaseRecord };
    try {
      const request = await staged(directory, release);
      const attempt = { app, release, directory, options, request };
      const outcome = await withDiskErrors(directory.path, () => this.#attempt(attempt));
      await directory.unstage(release);
      return outcome;
    } catch (error) {
      await directory.remove(release);
      throw error;
    }
  }

  async discard(app: string, release: ReleaseName): Promise<void> {
    const directory = this.#directory(app);
    await endLeftBuilds(directory.partial(release));
    await directory.remove(release);
  }

  async prune(app: string, { keep, inUse }: { keep: number; inUse: readonly ReleaseName[] }): Promise<readonly ReleaseName[]> {
    const directory = this.#directory(app);
    const names = await directory.names();
    const old = names.slice(0, Math.max(0, names.length - keep)).filter((name) => !inUse.includes(name));
    for (const name of old) {
      await directory.remove(name);
      await rm(this.#buildLog(app, name), { force: true });
    }
    return old;
  }

  async launchPlan(app: string, release: ReleaseName, type: string): Promise<LaunchPlan> {
    const request = await this.#launch(app, release);
    const process = request?.spec.processes[type];
    if (request === null || process === undefined)
      throw notKept(app, release, request === null ? "" : ` with a process type ${type}`);
    const healthPortVariable = process.health?.portVariable;
    return {
      directory: this.tree(app, release),
      command: process.command,
      env: request.env[type] ?? {},
      ...(healthPortVariable === undefined ? {} : { healthPortVariable }),
    };
  }

  async workplace(app: string, release: ReleaseName): Promise<Workplace> {
    const request = await this.#launch(app, release);
    if (request === null) throw notKept(app, release, "");
    const path = join(this.#directory(app).release(release), "release.json");
    const record = (await readJson(path)) as Pick<ReleaseRecord, "previewKey">;
    const previewKey = record.previewKey?.value ?? null;
    const env = request.env[mainType(request.spec)] ?? {};
    return { directory: this.tree(app, release), env, spec: request.spec, previewKey };
  }

  async #launch(app: string, release: ReleaseName): Promise<Pick<ReleaseRequest, "spec" | "env"> | null> {
    const path = join(this.#directory(app).release(release), "launch.json");
    return (await readJson(path).catch(() => null)) as Pick<ReleaseRequest, "spec" | "env"> | null;
  }

  /** Where its files are, whether it is kept or not. */
  tree(app: string, release: ReleaseName): string {
    return join(this.#directory(app).release(release), "tree");
  }

  async #attempt(attempt: Attempt): Promise<CreateOutcome> {
    const { request, directory, options, release, app } = attempt;
    const partial = directory.partial(release);
    const tree = join(partial, "tree");
    await mkdir(tree, { recursive: true, mode: 0o700 });
    const entries = await scanSource(request.source, request.ignore, this.#options.stateDirectory);
    await throwIfTooLarge(directory.path, entries);
    const contentHash = await copyTree(request.source, tree, entries, options.signal);
    const identity = identityOf(contentHash, request);
    if (identity === options.unlessIdentity) {
      await rm(partial, { recursive: true, force: true });
      return { kind: "unchanged" };
    }
    if (request.build !== null) await this.#build(attempt, request.build, tree);
    const record = await this.#record(attempt, { contentHash, identity, entries });
    await writeWhole(join(partial, "release.json"), JSON.stringify(record));
    await writeWhole(join(partial, "launch.json"), JSON.stringify({ spec: request.spec, env: request.env }));
    options.signal.throwIfAborted();
    await rename(partial, directory.release(release));
    await syncDirectory(this.#directory(app).path);
    return { kind: "created", record };
  }

  async #build({ app, release, options }: Attempt, command: string, tree: string): Promise<void> {
    await mkdir(join(this.#options.stateDirectory, "apps", app, "logs"), { recursive: true, mode: 0o700 });
    await runBuild({
      command,
      directory: tree,
      env: { ...this.#options.buildEnvironment, HITLESS_APP: app, HITLESS_RELEASE: release },
      logPath: this.#buildLog(app, release),
      onOutput: options.onOutput,
      signal: options.signal,
    });
  }

  async #record(
    { request, release }: Attempt,
    { contentHash, identity, entries }: { contentHash: string; identity: string; entries: readonly SourceEntry[] },
  ): Promise<ReleaseRecord> {
    const git = request.git ?? (await gitState(request.source));
    const files = entries.filter((entry) => entry.kind === "file");
    return {
      release,
      createdAt: this.#options.now(),
      contentHash,
      identity,
      gitCommit: git.commit,
      gitDirty: git.dirty,
      files: files.length,
      bytes: files.reduce((sum, entry) => sum + entry.bytes, 0),
      spec: request.spec,
      previewKey: newPreviewKey(),
      envNames: Object.fromEntries(Object.entries(request.env).map(([type, env]) => [type, Object.keys(env).sort()])),
    };
  }

  #directory(app: string): ReleaseDirectory {
    const { stateDirectory, folder } = this.#options;
    return new ReleaseDirectory(join(stateDirectory, "apps", app), folder ?? "releases");
  }

  #buildLog(app: string, release: ReleaseName): string {
    return join(
      this.#options.stateDirectory,
      "apps",
      app,
      "logs",
      `build.${this.#options.folder === "prepared" ? "prepared-" : ""}${release}.log`,
    );
  }
}

function newPreviewKey(): PreviewKey {
  const value = randomBytes(12).toString("hex");
  return { value, sha256: createHash("sha256").update(value).digest("hex") };
}

function notKept(app: string, release: ReleaseName, where: string): HitlessError {
  return new HitlessError({
    code: "ERR_RELEASE_UNKNOWN",
    what: `${release} of ${app} is not in the state directory${where}.`,
    next: "Deploy again.",
  });
}

/** Everything that makes a difference to what runs. */
function identityOf(contentHash: string, { spec, build, env }: ReleaseRequest): string {
  return createHash("sha256").update(canonical({ contentHash, spec, build, env })).digest("hex");
}

/** JSON with sorted keys: the same value always gives the same text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === undefined) return "null";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
}

async function throwIfTooLarge(path: string, entries: readonly SourceEntry[]): Promise<void> {
  const needed = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const { bavail, bsize } = await statfs(path);
  if (needed <= bavail * bsize) return;
  throw diskFull(path, `The source has ${mebibytes(needed)}, free are ${mebibytes(bavail * bsize)}.`);
}

async function staged(directory: ReleaseDirectory, release: ReleaseName): Promise<StagedRequest> {
  try {
    return (await readJson(directory.request(release))) as StagedRequest;
  } catch (error) {
    throw snapshotFailed(`${release} was not staged.`, error);
  }
}

/** Everything that the system says becomes one of our own errors; what is given up on stays as it is. */
async function withDiskErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") throw diskFull(path, message);
    if (error instanceof Error && "syscall" in error) throw snapshotFailed(`The release could not be made in ${path}.`, error);
    throw error;
  }
}

function snapshotFailed(what: string, cause: unknown): HitlessError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HitlessError({ code: "ERR_SNAPSHOT_FAILED", what, why, next: "Deploy again." }, { cause });
}

function diskFull(path: string, why: string): HitlessError {
  return new HitlessError({
    code: "ERR_DISK_FULL",
    what: `The disk of ${path} is full.`,
    why,
    next: "What was written of the release has been removed. Make room, or keep fewer releases, and deploy again.",
  });
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
