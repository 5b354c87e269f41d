/** What can stand in a registry. */
export interface Registered {
  /** Its place there; the registry's own business. */
  slot: number;
}

/**
 * The present members of something that is joined and left all the time, in no order. Not a `Set`: that replaces its table again and again,
 * each old table holds on to the next one, and so the garbage collector carried every finished request into the old generation (a fifth of
 * the processor time of a request).
 */
export class Registry<T extends Registered> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    member.slot = this.#members.push(member) - 1;
  }

  /** The last one takes the place of the one that goes. */
  delete(member: T): void {
    const { slot } = member;
    if (this.#members[slot] !== member) return;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    this.#members[slot] = last;
    last.slot = slot;
  }

  /** As they are now: who leaves or joins meanwhile does not change the list. */
  values(): T[] {
    return [...this.#members];
  }
}
