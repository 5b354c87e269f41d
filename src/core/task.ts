import type { CompareRules } from "./judging/rules.ts";

/** Names one task for ever: the same id is never run twice. Deterministic: deployment, stage and place in it. */
export type TaskId = string;

/** When a hook runs. Each at most once in a deployment. */
export const HOOKS = ["before-deploy", "before-cutover", "after-cutover", "after-deploy", "on-failure"] as const;
export type HookName = (typeof HOOKS)[number];

/** A shell line (run by `/bin/sh -c`) or an argument list that is run as it is; in the release's directory with its environment. */
export type TaskCommand = string | readonly string[];

/**
 * Something that is done once in a deployment, or for a while, and ends with a verdict: hooks before and after, checks of a release that
 * nobody sees yet, gates that watch one that is seen. All times are milliseconds.
 */
export type Task =
  /** Passes with exit code 0. */
  | { readonly kind: "hook"; readonly hook: HookName; readonly command: TaskCommand; readonly timeoutMs: number }
  /** A check or a gate of one's own: 0 passes, 75 (EX_TEMPFAIL of sysexits.h) is not enough data, everything else fails. */
  | { readonly kind: "command"; readonly name: string; readonly command: TaskCommand; readonly timeoutMs: number }
  | JourneyTask
  | StatelessTask
  | MirrorTask
  | CompareTask
  | WatchTask
  | PrometheusTask;

/** Requests one after the other through the preview route, each with what is expected of its answer. */
export interface JourneyTask {
  readonly kind: "journey";
  readonly name: string;
  readonly requests: readonly JourneyRequest[];
  /** For the journey as a whole. */
  readonly timeoutMs: number;
}

/** A journey over the instances of the release, which any of them must serve alike. In its texts `${run}` is another word in every walk. */
export interface StatelessTask {
  readonly kind: "stateless";
  readonly name: string;
  readonly requests: readonly JourneyRequest[];
  /** For all walks together. */
  readonly timeoutMs: number;
}

/** Texts may hold `${name}`: what an earlier answer was captured as. */
export interface JourneyRequest {
  readonly method: string;
  /** With its query: `/cart?item=1`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly expect: Expectations;
  /** Variables taken from the answer. */
  readonly capture: Readonly<Record<string, Capture>>;
}

export interface Expectations {
  /** Absent: any status from 200 to 399. */
  readonly status?: number | readonly number[] | undefined;
  /** Fields that must be there; a text must be contained in the value. */
  readonly headers?: Readonly<Record<string, string | true>> | undefined;
  readonly bodyContains?: readonly string[] | undefined;
  /** By path such as `items[0].price`. */
  readonly json?: Readonly<Record<string, unknown>> | undefined;
  /** From the first byte of the request to the last of the answer. */
  readonly maxMs?: number | undefined;
}

export type Capture =
  | { readonly from: "header"; readonly name: string }
  | { readonly from: "json"; readonly path: string }
  | { readonly from: "cookie"; readonly name: string }
  /** The first group of the expression. */
  | { readonly from: "body"; readonly pattern: string };

/** A share of the live GET requests is sent to the new release too, and the answers are compared. Clients never see any of it. */
export interface MirrorTask {
  readonly kind: "mirror";
  readonly name: string;
  readonly percent: number;
  readonly forMs: number;
  /** Fewer pairs than this are not enough data. */
  readonly minRequests: number;
  /** Of the pairs, in percent. */
  readonly maxMismatchPercent: number;
  readonly compareBody: boolean;
  /** The new p99 may be so many times the old one; null: not compared. */
  readonly maxSlowdown: number | null;
}

/** The new release against the old one, in the same time, by the proxy's own counters. */
export interface CompareTask {
  readonly kind: "compare";
  readonly forMs: number;
  readonly everyMs: number;
  readonly rules: CompareRules;
}

/** The default gate: compares from the new release's first request until it is promoted. It ends when it is told to, and holds nothing up. */
export interface WatchTask {
  readonly kind: "watch";
  readonly everyMs: number;
  readonly rules: CompareRules;
}

/** A query of a Prometheus server whose value must stay within bounds. */
export interface PrometheusTask {
  readonly kind: "prometheus";
  readonly name: string;
  /** Of the server, without `/api/v1/query`. */
  readonly url: string;
  /** May hold `${release}`, `${previous}`, `${app}` and `${deployment}`. */
  readonly query: string;
  readonly pass: { readonly min?: number | undefined; readonly max?: number | undefined };
  readonly everyMs: number;
  readonly forMs: number;
  /** So many values in a row out of bounds fail. */
  readonly failures: number;
  readonly timeoutMs: number;
}

export const VERDICTS = ["pass", "fail", "not-enough-data"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface TaskResult {
  readonly verdict: Verdict;
  /** One sentence with the numbers in it. */
  readonly summary: string;
  /** By name; shares are fractions, times milliseconds. */
  readonly figures?: Readonly<Record<string, number>> | undefined;
  readonly details?: readonly string[] | undefined;
}

/** What people call the task. */
export function taskName(task: Task): string {
  switch (task.kind) {
    case "hook":
      return `the ${task.hook} hook`;
    case "command":
    case "journey":
    case "mirror":
    case "prometheus":
      return `${task.kind === "command" || task.kind === "prometheus" ? "" : `${task.kind} `}${task.name}`;
    case "compare":
      return "the comparison with the old release";
    case "stateless":
      return `the statelessness of ${task.name}`;
    case "watch":
      return "the default gate";
  }
}
