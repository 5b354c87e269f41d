import { setTimeout as sleep } from "node:timers/promises";
import { groupIsEmpty } from "./proc.ts";

const POLL_MS = 20;

/** Signals the whole process group; SIGKILL after the grace. Resolves when nothing of it is left. */
export async function endGroup(group: number, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  signalGroup(group, signal);
  const until = Date.now() + graceMs;
  while (!groupIsEmpty(group) && Date.now() < until) await sleep(POLL_MS);
  if (groupIsEmpty(group)) return;
  signalGroup(group, "SIGKILL");
  while (!groupIsEmpty(group)) await sleep(POLL_MS);
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
