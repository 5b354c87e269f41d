import { instanceName, instanceNumber } from "../../../src/base/names.ts";
import { EMPTY_BOOK, withInstance } from "../../../src/core/instance-book.ts";
import { newApp } from "../../../src/core/new-app.ts";
import { nextStep } from "../../../src/core/session-move/advance.ts";
import { aborted, entered, failed, newMove } from "../../../src/core/session-move/changes.ts";
import { isOver, sightOf, type SessionMove, type Sight } from "../../../src/core/session-move/move.ts";
import type { AppState, Deployment, Instance } from "../../../src/core/state.ts";

const OLD: Sight = { reads: "old", writesBoth: false };

/** An instance, and what its program was told when it was launched; null: it is being started. */
interface Running {
  readonly name: string;
  sight: Sight | null;
}

/**
 * An app whose instances are replaced one by one, are named before they are launched, and crash; a daemon that dies between what it does and what it writes down of it. Throws
 * when a session could be lost, could go back, or could come back after its end.
 */
export class MoveWorld {
  move: SessionMove = newMove(
    { id: "m", app: "shop", by: "tester", at: 0, from: { url: "redis://old" }, to: { url: "redis://new" } },
    null,
  );
  now = 0;
  #next = 4;
  #instances: Running[] = [1, 2, 3].map((number) => ({ name: instanceName("web", "r1", number), sight: OLD }));
  #restart: { readonly name: string; outcome: "done" | "rolled-back" | null; readonly old: string[] } | null = null;
  #restarts = 0;
  /** All that is in the old store is in the new one too. */
  #isCopied = false;

  get sights(): readonly (Sight | null)[] {
    return this.#instances.map(({ sight }) => sight);
  }

  /** The daemon does one thing; `dies`: before it has written that down. */
  step(dies = false): void {
    this.now += 1_000;
    const step = nextStep(this.move, this.#state(), this.now);
    const after = this.#done(step);
    if (!dies) this.move = after;
    this.#check();
  }

  #done(step: ReturnType<typeof nextStep>): SessionMove {
    const { move, now } = this;
    switch (step.kind) {
      case "mark":
        return { ...move, floor: this.#next };
      case "restart":
        this.#restarts += 1;
        this.#restart = { name: `d${String(this.#restarts)}`, outcome: null, old: this.#instances.map(({ name }) => name) };
        return { ...move, restart: this.#restart.name };
      case "copy":
        this.#must(({ writesBoth, reads }) => writesBoth && reads === "old", "copied");
        this.#isCopied = true;
        return entered(move, "switching", now);
      case "tidy": {
        const { reads } = sightOf(move.phase);
        this.#must((sight) => !sight.writesBoth && sight.reads === reads, "tidied");
        return entered(move, reads === "new" ? "done" : "aborted", now);
      }
      case "enter":
        return entered(move, step.phase, now);
      case "failed":
        return failed(move, step.failure, now);
      case "wait":
      case "over":
        return move;
    }
  }

  /** The running deployment replaces one instance. */
  replace(): void {
    const restart = this.#restart;
    if (restart?.outcome !== null) return;
    const old = restart.old.pop();
    if (old === undefined) restart.outcome = "done";
    else this.#exchange(old);
    this.#check();
  }

  /** It goes back: what it has replaced is replaced once more. */
  failRestart(): void {
    const restart = this.#restart;
    if (restart?.outcome !== null) return;
    restart.outcome = "rolled-back";
    for (const { name } of this.#instances.filter((one) => !restart.old.includes(one.name))) this.#exchange(name);
    this.#check();
  }

  crash(at: number): void {
    const one = this.#instances[at % this.#instances.length];
    if (one !== undefined) this.#exchange(one.name);
    this.#check();
  }

  /** What was named is launched: by what the daemon knows now. */
  launch(): void {
    for (const one of this.#instances) one.sight ??= sightOf(this.move.phase);
    this.#check();
  }

  abort(): void {
    const isTooLate = isOver(this.move) || this.move.phase === "finishing";
    if (!isTooLate) this.move = aborted(this.move, "somebody", this.now);
  }

  /** Nothing goes wrong any more. */
  settle(): void {
    for (let turn = 0; !isOver(this.move); turn += 1) {
      if (turn > 1_000) throw new Error(`it stays in ${this.move.phase}`);
      this.step();
      this.launch();
      this.replace();
    }
  }

  #exchange(name: string): void {
    const fresh: Running = { name: instanceName("web", "r1", this.#next), sight: null };
    this.#next += 1;
    this.#instances = [...this.#instances.filter((one) => one.name !== name), fresh];
  }

  #check(): void {
    const sights = this.sights.filter((sight) => sight !== null);
    const readsNew = sights.some(({ reads }) => reads === "new");
    const knowsOldOnly = sights.some(({ reads, writesBoth }) => reads === "old" && !writesBoth);
    const knowsNewOnly = sights.some(({ reads, writesBoth }) => reads === "new" && !writesBoth);
    if (knowsOldOnly) this.#isCopied = false;
    if (readsNew && knowsOldOnly) throw new Error("what one instance writes another does not find in the new store");
    if (knowsNewOnly && sights.some(({ reads }) => reads === "old"))
      throw new Error("what one instance writes another does not find in the old store");
    if (readsNew && !this.#isCopied) throw new Error("the new store is read without having all");
  }

  #must(rule: (sight: Sight) => boolean, what: string): void {
    if (!this.sights.every((sight) => sight === null || rule(sight))) throw new Error(`${what} too early`);
  }

  #state(): AppState {
    const blank = { type: "web", release: "r1", generation: 1, status: "serving", routed: true } as const;
    const more = { host: null, port: null, pid: null, since: 0 } as const;
    const instances = this.#instances
      .map(({ name }): Instance => ({ name, ...blank, ...more }))
      .toSorted((a, b) => instanceNumber(a.name) - instanceNumber(b.name))
      .reduce(withInstance, EMPTY_BOOK);
    const deployment =
      this.#restart === null ? null : ({ name: this.#restart.name, outcome: this.#restart.outcome, failure: null } as Deployment);
    return { ...newApp("shop"), active: "r1", instances, deployment };
  }
}
