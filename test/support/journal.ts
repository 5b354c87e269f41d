import type { Command } from "../../src/core/command.ts";
import { newApp } from "../../src/core/new-app.ts";
import type { AppState, Deployment } from "../../src/core/state.ts";
import type { JournalEntry, Note } from "../../src/ports/store.ts";

export const APP = "shop";

export function command(id: string): Command {
  return { id, deployment: "d1", kind: "instance.start", instance: `web.r1.${id}`, type: "web", release: "r1" };
}

export function note(text: string): Note {
  return { at: 1_000, level: "info", text };
}

export function entry(seq: number, parts: Partial<Omit<JournalEntry, "seq">> = {}): JournalEntry {
  return { seq, epoch: 1, event: { kind: "command.done", at: 1_000 + seq }, commands: [], notes: [], deployment: "d1", ...parts };
}

export function stateAt(release: number): AppState {
  return { ...newApp(APP), next: { release, deployment: 1, instance: 1, command: 1 } };
}

export function deployment(name: string, parts: Partial<Deployment> = {}): Deployment {
  return {
    name,
    kind: "deploy",
    by: "alice@host",
    startedAt: 1,
    from: null,
    to: "r1",
    generation: 1,
    fromGeneration: 0,
    counts: null,
    batch: null,
    direction: "forward",
    stages: [],
    stage: 0,
    step: "preparing",
    stepSince: 1,
    starting: [],
    retiring: [],
    awaitedRevision: 0,
    force: false,
    failure: null,
    backAttempts: 0,
    ledger: { opened: null, openedSettled: false, before: [], beforeMs: 0, closed: null },
    capacity: { atStart: 0, lowest: 0 },
    cut: 0,
    outcome: null,
    endedAt: null,
    ...parts,
  };
}
