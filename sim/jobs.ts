import type { Rng } from "../src/base/rng.ts";
import type { JobEnd, JobRequest, Jobs, JobWatch } from "../src/ports/jobs.ts";
import type { SimClock } from "./clock.ts";

interface SimJob {
  /** By the clock that nobody can set. */
  readonly endsAt: number;
  how: JobEnd["how"];
  isOver: boolean;
}

const EX_TEMPFAIL = 75;

/** Jobs of the simulated machine: they outlive the engine, and some fail, hang, or cannot tell. */
export class SimJobs implements Jobs {
  /** What was started, in order: by `app/job`. */
  readonly started: string[] = [];
  /** Told of each job that is really begun. */
  onStart: (request: JobRequest) => void = () => undefined;
  readonly #jobs = new Map<string, SimJob>();
  readonly #clock: SimClock;
  readonly #rng: Rng;
  readonly #failShare: number;
  readonly #isUndecided: boolean;
  /** Checks that have had their first run. */
  readonly #tried = new Set<string>();

  /** `isUndecided`: no check or gate can tell the first time. */
  constructor(clock: SimClock, rng: Rng, { failShare, isUndecided }: { failShare: number; isUndecided: boolean }) {
    this.#clock = clock;
    this.#rng = rng;
    this.#failShare = failShare;
    this.#isUndecided = isUndecided;
  }

  async run(request: JobRequest, watch: JobWatch): Promise<JobEnd> {
    await this.#clock.pass(this.#rng.between(0, 10));
    const key = `${request.app}/${request.job}`;
    const job = this.#jobs.get(key) ?? this.#begin(key, request);
    for (;;) {
      watch.signal.throwIfAborted();
      if (!job.isOver && this.#clock.monotonic() >= job.endsAt) job.isOver = true;
      if (job.isOver) return { how: job.how, tail: ["the last line"] };
      await this.#clock.pass(Math.max(1, Math.min(200, job.endsAt - this.#clock.monotonic())));
    }
  }

  async cancel(app: string, job: string): Promise<void> {
    await this.#clock.pass(this.#rng.between(0, 50));
    const key = `${app}/${job}`;
    const known = this.#jobs.get(key);
    if (known === undefined) this.#jobs.set(key, { endsAt: 0, how: { kind: "cancelled" }, isOver: true });
    else if (!known.isOver) Object.assign(known, { how: { kind: "cancelled" }, isOver: true });
  }

  /** Jobs that still run. */
  running(): readonly string[] {
    const now = this.#clock.monotonic();
    return [...this.#jobs].filter(([, job]) => !job.isOver && now < job.endsAt).map(([key]) => key);
  }

  #begin(key: string, request: JobRequest): SimJob {
    this.started.push(key);
    this.onStart(request);
    const job = { ...(this.#firstFate(request) ?? this.#fate(request.timeoutMs)), isOver: false };
    this.#jobs.set(key, job);
    return job;
  }

  #firstFate({ launch: { env } }: JobRequest): Pick<SimJob, "endsAt" | "how"> | null {
    const check = env["HITLESS_CHECK"];
    if (!this.#isUndecided || check === undefined || this.#tried.has(check)) return null;
    this.#tried.add(check);
    return { endsAt: this.#clock.monotonic() + this.#rng.between(1, 500), how: { kind: "exited", code: EX_TEMPFAIL } };
  }

  #fate(timeoutMs: number): Pick<SimJob, "endsAt" | "how"> {
    const now = this.#clock.monotonic();
    if (!this.#rng.chance(this.#failShare)) return { endsAt: now + this.#rng.between(1, 500), how: { kind: "exited", code: 0 } };
    switch (this.#rng.between(0, 3)) {
      case 0:
        return { endsAt: now + timeoutMs, how: { kind: "timeout" } };
      case 1:
        return { endsAt: now + this.#rng.between(1, 500), how: { kind: "lost" } };
      case 2:
        return { endsAt: now + this.#rng.between(1, 500), how: { kind: "exited", code: EX_TEMPFAIL } };
      default:
        return { endsAt: now + this.#rng.between(1, 500), how: { kind: "exited", code: 1 } };
    }
  }
}
