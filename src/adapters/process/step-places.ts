import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StepDefinition } from "../../core/preparation/step-definition.ts";
import { writeWhole } from "../../platform/whole-file.ts";
import type { StepPlaces, StepReport } from "../../ports/steps.ts";

/** Directories in the state directory: `apps/shop/steps/0003-emails-1f3a…`. */
export class FileStepPlaces implements StepPlaces {
  readonly #apps: string;
  readonly #program: string;

  /** `program` runs a module's `run`. */
  constructor(stateDirectory: string, program: string) {
    this.#apps = join(stateDirectory, "apps");
    this.#program = program;
  }

  async open(app: string, step: StepDefinition): Promise<Readonly<Record<string, string>>> {
    const directory = this.#directory(app, step);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return {
      HITLESS_CHECKPOINT: join(directory, "checkpoint"),
      HITLESS_STEP_REPORT: join(directory, "report.json"),
      HITLESS_STEP_CONTROL: join(directory, "control.json"),
    };
  }

  async report(app: string, step: StepDefinition): Promise<StepReport | null> {
    try {
      const said = JSON.parse(await readFile(join(this.#directory(app, step), "report.json"), "utf8")) as Partial<StepReport>;
      return { done: numberOrNull(said.done), total: numberOrNull(said.total) };
    } catch {
      // Not there yet, or a program of the user's has written something else.
      return null;
    }
  }

  async steer(app: string, step: StepDefinition, throttle: number): Promise<void> {
    await writeWhole(join(this.#directory(app, step), "control.json"), JSON.stringify({ throttle }));
  }

  functionCommand(file: string): readonly string[] {
    return [process.execPath, this.#program, file];
  }

  #directory(app: string, { name, digest }: StepDefinition): string {
    return join(this.#apps, app, "steps", `${name}-${digest.slice(0, 12)}`);
  }
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
