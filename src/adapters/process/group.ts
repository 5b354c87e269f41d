import { setTimeout as sleep } from "node:timers/promises";
import { signal } from "../../platform/process-id.ts";
import { groupIsEmpty } from "./proc.ts";

const POLL_MS = 20;

export interface GroupEnd {
  readonly signal: NodeJS.Signals;
  /** From the signal to SIGKILL. */
  readonly graceMs: number;
  /** Sends a signal to the whole group, where somebody else has a say in it. */
  readonly send?: (signal: NodeJS.Signals) => void;
}

/** Signals the whole process group; SIGKILL after the grace. Resolves when nothing of it is left. */
export async function endGroup(group: number, { signal: first, graceMs, send }: GroupEnd): Promise<"exited" | "killed"> {
  const signalAll =
    send ??
    ((which: NodeJS.Signals): void => {
      signalGroup(group, which);
    });
  signalAll(first);
  const until = Date.now() + graceMs;
  while (!groupIsEmpty(group) && Date.now() < until) await sleep(POLL_MS);
  if (groupIsEmpty(group)) return "exited";
  signalAll("SIGKILL");
  while (!groupIsEmpty(group)) await sleep(POLL_MS);
  return "killed";
}

export function signalGroup(group: number, name: NodeJS.Signals): void {
  signal(-group, name);
}
