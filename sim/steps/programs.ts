import type { Rng } from "../../src/base/rng.ts";
import type { StepDefinition } from "../../src/core/preparation/step-definition.ts";
import type { JobEnd, JobRequest, Jobs, JobWatch } from "../../src/ports/jobs.ts";
import type { StepPlaces, StepReport } from "../../src/ports/steps.ts";
import type { SimClock } from "../clock.ts";
import type { StepWatch } from "./watch.ts";

/** Pieces of each program's work, and how long one takes. */
export const PIECES = 8;
const PIECE_MS = 1_500;
const LOOK_MS = 100;

interface Program {
  readonly step: StepDefinition;
  end: JobEnd["how"] | null;
}

interface ProgramsWorld {
  readonly clock: SimClock;
  readonly rng: Rng;
  readonly watch: StepWatch;
  readonly stepOf: (name: string) => StepDefinition;
}

/** Programs of steps: they outlive the engine, keep a checkpoint after each piece, and are lost when the machine restarts. */
export class StepPrograms implements Jobs, StepPlaces {
  readonly #world: ProgramsWorld;
  readonly #programs = new Map<string, Program>();
  readonly #checkpoints = new Map<string, number>();

  constructor(world: ProgramsWorld) {
    this.#world = world;
  }

  async run({ app, job, launch }: JobRequest, { signal }: JobWatch): Promise<JobEnd> {
    const { clock, rng } = this.#world;
    await clock.pass(rng.between(0, 10));
    const key = `${app}/${job}`;
    const program = this.#programs.get(key) ?? this.#start(key, launch.env["HITLESS_STEP"] ?? "");
    for (;;) {
      signal.throwIfAborted();
      if (program.end !== null) return { how: program.end, tail: [] };
      await clock.pass(LOOK_MS);
    }
  }

  async cancel(app: string, job: string): Promise<void> {
    const { clock, rng, stepOf } = this.#world;
    const key = `${app}/${job}`;
    const program = this.#programs.get(key);
    await clock.pass(rng.between(0, 50));
    if (program === undefined) this.#programs.set(key, { step: stepOf(job.split(" ")[1] ?? ""), end: { kind: "cancelled" } });
    else this.#finish(program, { kind: "cancelled" });
  }

  /** The machine restarts: there is a trace of each, and none of its end. */
  lose(): void {
    for (const program of this.#programs.values()) this.#finish(program, { kind: "lost" });
  }

  open(): Promise<Readonly<Record<string, string>>> {
    return Promise.resolve({});
  }

  report(_app: string, { name }: StepDefinition): Promise<StepReport | null> {
    const done = this.#checkpoints.get(name);
    return Promise.resolve(done === undefined ? null : { done, total: PIECES });
  }

  steer(): Promise<void> {
    return Promise.resolve();
  }

  functionCommand(file: string): readonly string[] {
    return ["node", file];
  }

  #start(key: string, name: string): Program {
    const program: Program = { step: this.#world.stepOf(name), end: null };
    this.#programs.set(key, program);
    this.#world.watch.begin(name);
    void this.#work(program);
    return program;
  }

  async #work(program: Program): Promise<void> {
    const { clock, watch } = this.#world;
    const { name } = program.step;
    for (let piece = this.#checkpoints.get(name) ?? 0; piece < PIECES; piece++) {
      watch.piece(program.step, "program");
      await clock.pass(PIECE_MS);
      if (program.end !== null) return;
      watch.effect(name, String(piece));
      this.#checkpoints.set(name, piece + 1);
    }
    this.#finish(program, { kind: "exited", code: 0 });
  }

  #finish(program: Program, end: JobEnd["how"]): void {
    if (program.end !== null) return;
    program.end = end;
    this.#world.watch.end(program.step.name);
  }
}
