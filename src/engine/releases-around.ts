import type { ReleaseName } from "../base/names.ts";
import type { ReleaseRecord } from "../core/release.ts";
import type { LaunchPlan, Releases, Workplace } from "../ports/releases.ts";

export type CreateOptions = Parameters<Releases["create"]>[2];

/** Releases that need something beside their files: a release is only made once it is there, and otherwise nothing of it is left. */
export abstract class ReleasesAround implements Releases {
  protected readonly inner: Releases;

  constructor(inner: Releases) {
    this.inner = inner;
  }

  /** Sees to what the release needs; whatever it throws ends the release. */
  protected abstract provide(app: string, release: ReleaseName, record: ReleaseRecord, options: CreateOptions): Promise<void>;

  abstract launchPlan(app: string, release: ReleaseName, type: string): Promise<LaunchPlan>;

  abstract workplace(app: string, release: ReleaseName): Promise<Workplace>;

  stage(...given: Parameters<Releases["stage"]>): Promise<void> {
    return this.inner.stage(...given);
  }

  discard(...given: Parameters<Releases["discard"]>): Promise<void> {
    return this.inner.discard(...given);
  }

  prune(...given: Parameters<Releases["prune"]>): Promise<readonly ReleaseName[]> {
    return this.inner.prune(...given);
  }

  async create(...[app, release, options]: Parameters<Releases["create"]>): ReturnType<Releases["create"]> {
    const outcome = await this.inner.create(app, release, options);
    if (outcome.kind === "unchanged") return outcome;
    try {
      await this.provide(app, release, outcome.record, options);
      return outcome;
    } catch (error) {
      await this.inner.discard(app, release);
      throw error;
    }
  }
}
