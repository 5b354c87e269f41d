import { windowText } from "../../src/core/preparation/step-window.ts";
import type { StepDefinition } from "../../src/core/preparation/step-definition.ts";

/** So long after its window has closed a step may still be at a piece of its work: that is how often it is looked after, and a batch. */
const GRACE_MS = 1_500;

/** Sees what steps really do to the world, and whether that may be. */
export class StepWatch {
  readonly violations: string[] = [];
  /** How often each unit of work of a step was done: by `step/unit`. */
  readonly effects = new Map<string, number>();
  readonly #working = new Map<string, number>();
  readonly #now: () => number;
  /** When the engine was started last; before that, nobody ended a program. */
  bootedAt = 0;
  /** When an engine that stood still went on last: what it was about to do it does. */
  wokeAt = -Infinity;

  constructor(now: () => number) {
    this.#now = now;
  }

  say(text: string): void {
    if (!this.violations.includes(text)) this.violations.push(text);
  }

  /** Work of a step begins, of which there may be one at a time. */
  begin(step: string): void {
    const others = this.#working.get(step) ?? 0;
    if (others > 0) this.say(`${step} runs twice at once`);
    this.#working.set(step, others + 1);
  }

  end(step: string): void {
    this.#working.set(step, (this.#working.get(step) ?? 1) - 1);
  }

  effect(step: string, unit: string): void {
    const key = `${step}/${unit}`;
    this.effects.set(key, (this.effects.get(key) ?? 0) + 1);
  }

  /** A piece of a step's work begins. */
  piece({ name, window }: StepDefinition, by: "program" | "server"): void {
    const [now, freshMs] = [this.#now(), this.#now() - Math.max(this.wokeAt, by === "program" ? this.bootedAt : -Infinity)];
    if (window === null || freshMs < GRACE_MS) return;
    const isClosed = (at: number): boolean => windowText(window, at) !== null;
    if (isClosed(now) && isClosed(now - GRACE_MS)) this.say(`${name} works outside of its window`);
  }

  count(step: string, unit: string): number {
    return this.effects.get(`${step}/${unit}`) ?? 0;
  }
}
