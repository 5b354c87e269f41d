import { HitlessError } from "../src/base/error.ts";
import type { Rng } from "../src/base/rng.ts";
import type { AppState } from "../src/core/state.ts";
import type { ReleaseRecord } from "../src/core/release.ts";
import type { CreateOutcome, LaunchPlan, ReleaseRequest, Releases, Workplace } from "../src/ports/releases.ts";
import type { SimClock } from "./clock.ts";

/** Snapshots of the simulated machine: a release's content is its name, so that every deployment brings something new. */
export class SimReleases implements Releases {
  readonly kept = new Set<string>();
  /** Told of each release that is removed because there are newer ones. */
  onRemove: (release: string) => void = () => undefined;
  readonly #clock: SimClock;
  readonly #rng: Rng;
  readonly #requests = new Map<string, ReleaseRequest>();
  readonly #failShare: number;

  constructor(clock: SimClock, rng: Rng, failShare: number) {
    this.#clock = clock;
    this.#rng = rng;
    this.#failShare = failShare;
  }

  /** Kept, and of no use to anybody. */
  unknownTo({ releases }: AppState): readonly string[] {
    return [...this.kept].filter((name) => releases[name] === undefined);
  }

  stage(_app: string, release: string, request: ReleaseRequest): Promise<void> {
    this.#requests.set(release, request);
    return Promise.resolve();
  }

  async create(_app: string, release: string, options: { signal: AbortSignal }): Promise<CreateOutcome> {
    await this.#clock.sleepUntil(this.#clock.now() + this.#rng.between(1, 200), options.signal);
    const request = this.#requests.get(release);
    if (request === undefined) throw new HitlessError({ code: "ERR_SNAPSHOT_FAILED", what: `${release} was not staged.` });
    if (this.#rng.chance(this.#failShare)) throw new HitlessError({ code: "ERR_BUILD_FAILED", what: "The build failed." });
    this.kept.add(release);
    return { kind: "created", record: recordOf(release, request, this.#clock.now()) };
  }

  discard(_app: string, release: string): Promise<void> {
    this.kept.delete(release);
    return Promise.resolve();
  }

  prune(_app: string, { keep, inUse }: { keep: number; inUse: readonly string[] }): Promise<readonly string[]> {
    const removed = [...this.kept].slice(0, Math.max(0, this.kept.size - keep)).filter((release) => !inUse.includes(release));
    for (const release of removed) {
      this.onRemove(release);
      this.kept.delete(release);
    }
    return Promise.resolve(removed);
  }

  launchPlan(_app: string, release: string): Promise<LaunchPlan> {
    if (!this.kept.has(release))
      return Promise.reject(new HitlessError({ code: "ERR_RELEASE_UNKNOWN", what: `${release} is gone.` }));
    return Promise.resolve({ directory: `/sim/${release}`, command: "run", env: ENV });
  }

  workplace(_app: string, release: string): Promise<Workplace> {
    const request = this.#requests.get(release);
    if (!this.kept.has(release) || request === undefined)
      return Promise.reject(new HitlessError({ code: "ERR_RELEASE_UNKNOWN", what: `${release} is gone.` }));
    return Promise.resolve({ directory: `/sim/${release}`, env: ENV, spec: request.spec, previewKey: null });
  }
}

const ENV = { DATABASE_URL: "postgres://sim/shop" };

function recordOf(release: string, request: ReleaseRequest, at: number): ReleaseRecord {
  return {
    release,
    createdAt: at,
    contentHash: release,
    identity: release,
    gitCommit: null,
    gitDirty: false,
    files: 1,
    bytes: 1,
    spec: request.spec,
    envNames: {},
  };
}
