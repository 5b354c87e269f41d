/** How often, and why, something that is tried again and again has failed for an app. */
interface Setback {
  /** Where the app stood; when it stands elsewhere it is another matter. */
  readonly at: string;
  readonly tries: number;
  readonly why: string;
  /** Counted in turns, so that a clock that is set changes nothing. */
  left: number;
}

const FIRST_TURNS = 10;
const MOST_TURNS = 600;

/** Keeps pauses between tries that fail: 10 turns, doubling up to 600. A turn is a second or so. */
export class Setbacks {
  readonly #apps = new Map<string, Setback>();

  note(app: string, at: string, error: unknown): void {
    const last = this.#apps.get(app);
    const tries = last?.at === at ? last.tries + 1 : 1;
    const why = error instanceof Error ? error.message : String(error);
    this.#apps.set(app, { at, tries, why, left: Math.min(MOST_TURNS, FIRST_TURNS * 2 ** (tries - 1)) });
  }

  /** One turn: true when it may be tried (again). */
  turn(app: string, at: string): boolean {
    const setback = this.#apps.get(app);
    if (setback?.at !== at) return true;
    setback.left -= 1;
    return setback.left <= 0;
  }

  forget(app: string): void {
    this.#apps.delete(app);
  }

  /** `database is away (tried 3 times, again in 40 s)`, or null: nothing has failed. */
  text(app: string, at: string): string | null {
    const setback = this.#apps.get(app);
    if (setback?.at !== at) return null;
    const tried = setback.tries === 1 ? "tried once" : `tried ${String(setback.tries)} times`;
    return `${setback.why} (${tried}, again in ${String(Math.max(0, setback.left))} s)`;
  }
}
