import { addMirrorFigures, NO_MIRROR_FIGURES, type MirrorFigures, type MirrorRequest } from "../../core/judging/mirror.ts";
import type { WorkerGroup } from "./worker-group.ts";

/** Lets every worker mirror, and adds up what came of it. Whoever asked and has gone ends it. The generation before finishes without. */
export async function mirror(
  workers: WorkerGroup,
  request: MirrorRequest & { readonly app: string },
  signal: AbortSignal,
): Promise<MirrorFigures> {
  const stop = (): void => {
    for (const worker of workers.workers) worker.tell({ kind: "unmirror", app: request.app });
  };
  signal.addEventListener("abort", stop);
  try {
    const answers = await Promise.all(workers.workers.map((worker) => worker.ask({ kind: "mirror", ...request })));
    return answers.reduce(
      (sum, answer) => (answer.kind === "done" && answer.mirrored !== undefined ? addMirrorFigures(sum, answer.mirrored) : sum),
      NO_MIRROR_FIGURES,
    );
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
