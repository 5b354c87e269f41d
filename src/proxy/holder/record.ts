import type { RecordedRequest } from "../../core/statelessness/recording.ts";
import type { WorkerGroup } from "./worker-group.ts";

/** Lets every worker record. Whoever asked and has gone ends it, and nothing is kept. */
export async function record(
  workers: WorkerGroup,
  request: { readonly app: string; readonly forMs: number },
  signal: AbortSignal,
): Promise<readonly RecordedRequest[]> {
  const stop = (): void => {
    for (const worker of workers.workers) worker.tell({ kind: "unrecord", app: request.app });
  };
  signal.addEventListener("abort", stop);
  try {
    const answers = await Promise.all(workers.workers.map((worker) => worker.ask({ kind: "record", ...request })));
    return answers.flatMap((answer) => (answer.kind === "done" ? (answer.recorded ?? []) : []));
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
