import type { StatelessnessOutcome } from "../../core/statelessness/outcome.ts";
import { journeyOfRecording, judgeRecording, type RecordedRequest } from "../../core/statelessness/recording.ts";
import type { WalkPorts } from "./node-walk.ts";
import type { Verification } from "./verification.ts";
import { Walks } from "./walks.ts";

/** Each of them is asked everything, twice. */
const NODES_MAX = 4;

/** Makes recorded requests again on one node at a time, each with the cookies of its client, and compares the nodes. */
export async function verifyRecorded(
  ports: WalkPorts,
  recorded: readonly RecordedRequest[],
  of: Omit<Verification, "requests" | "replace">,
): Promise<StatelessnessOutcome> {
  const requests = journeyOfRecording(recorded);
  const nodes = of.nodes.slice(0, NODES_MAX);
  const walks = new Walks(ports, { ...of, requests, replace: null });
  const own = nodes.map((_, node) => requests.map(() => node));
  const pinned = await walks.each("pinned", nodes, [...own, ...own]);
  const { findings, left } = judgeRecording(requests, pinned);
  const few = nodes.length < 2 ? ["there is one node alone: nothing was compared"] : [];
  const none = requests.length === 0 ? ["no request came that changes nothing (GET, HEAD)"] : [];
  const unclear = [...few, ...none, ...(left.length === requests.length ? left : [])];
  return {
    verdict: findings.length > 0 ? "fail" : unclear.length > 0 ? "not-enough-data" : "pass",
    findings,
    unclear,
    nodes: nodes.map(({ instance }) => instance),
    recorded: requests.map(({ method, path }) => `${method} ${path.split("?", 1)[0] ?? ""}`),
    walks: { pinned: pinned.length, spread: 0, replaced: 0 },
  };
}
