import { HitlessError } from "../../base/error.ts";
import { nameNumber, releaseName } from "../../base/names.ts";
import { mainType } from "../../core/app-spec.ts";
import { ownUrl } from "../../core/database-spec.ts";
import { ordered, undoText, type StepOrder } from "../../core/preparation/operations.ts";
import { NOT_WANTED, prepare } from "../../core/preparation/prepare.ts";
import { EXPAND, type StepDefinition } from "../../core/preparation/step-definition.ts";
import { isOver, type StepRecord } from "../../core/preparation/step-record.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { ReleaseRequest, Releases, Workplace } from "../../ports/releases.ts";
import type { StepSources } from "../../ports/steps.ts";
import { askedOf, refuseMissing } from "./known-columns.ts";
import type { StepBook } from "./step-book.ts";
import type { StepKeeper } from "./step-keeper.ts";
import type { Prepared, StepControl } from "./step-control.ts";
import { StepStop } from "./step-stop.ts";
import { unfinished } from "./unfinished.ts";

export interface StepDeskParts {
  readonly book: StepBook;
  readonly keeper: StepKeeper;
  readonly snapshots: Releases;
  readonly sources: StepSources;
  readonly database: Pick<Database, "catalog">;
  readonly clock: Clock;
}

/** After these somebody expects it to work. */
const BEGINS: readonly StepOrder["operation"][] = ["run", "resume", "retry"];

/** What people ask of steps. */
export class StepDesk implements StepControl {
  readonly #parts: StepDeskParts;
  /** Two preparations of an app at once would take the same snapshot. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(parts: StepDeskParts) {
    this.#parts = parts;
  }

  list(app: string): readonly StepRecord[] {
    return this.#parts.book.of(app);
  }

  prepare(request: ReleaseRequest): Promise<Prepared> {
    const result = this.#queue.then(() => this.#prepare(request));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #prepare(request: ReleaseRequest): Promise<Prepared> {
    const { snapshots, book } = this.#parts;
    const { app } = request.spec;
    const numbers = book.of(app).map(({ snapshot }) => nameNumber(snapshot) ?? 0);
    const snapshot = releaseName(Math.max(0, ...numbers) + 1);
    await snapshots.discard(app, snapshot);
    await snapshots.stage(app, snapshot, request);
    const never = new AbortController().signal;
    await snapshots.create(app, snapshot, { unlessIdentity: null, onOutput: () => undefined, signal: never });
    let unwanted: readonly string[];
    try {
      unwanted = await this.#enter(app, snapshot, await snapshots.workplace(app, snapshot));
    } catch (error) {
      await snapshots.discard(app, snapshot);
      throw error;
    }
    const inUse = book.of(app).filter((record) => !isOver(record));
    await snapshots.prune(app, { keep: 1, inUse: inUse.map((record) => record.snapshot) });
    return { records: book.of(app), unwanted };
  }

  /** Gives the names that no file stands for. */
  async #enter(app: string, snapshot: string, { directory, spec, env }: Workplace): Promise<readonly string[]> {
    const { book, sources, clock, keeper } = this.#parts;
    const steps = await sources.read(directory, spec);
    await this.#refuseMissing(app, steps, spec.database && ownUrl(spec.database, env));
    const about = { app, snapshot, database: placeOf(spec.database && ownUrl(spec.database, env)), now: clock.now() };
    const { conflicts } = prepare(steps, book.all(), about);
    if (conflicts.length > 0) throw conflicting(conflicts);
    for (const { name, digest } of steps) {
      if (book.find(app, name)?.definition.digest === digest) continue;
      await keeper.end(app, name, new StepStop("waiting", "its file has changed"));
    }
    const { changed, unwanted } = prepare(steps, book.all(), about);
    await book.save(changed);
    for (const { definition, state } of changed)
      if (state === "cancelled") await keeper.end(app, definition.name, new StepStop(state, NOT_WANTED));
    return unwanted;
  }

  async tell(app: string, name: string, order: Omit<StepOrder, "now">): Promise<string> {
    const { book, keeper, clock } = this.#parts;
    const told = ordered(book.known(app, name), { ...order, now: clock.now() });
    if (told.kind === "refused") throw new HitlessError(told.failure);
    await book.save([told.record]);
    if (told.record.state === "paused" || told.record.state === "cancelled")
      await keeper.end(app, name, new StepStop(told.record.state, told.record.reason ?? ""));
    keeper.hurry(app, name);
    const after = book.known(app, name);
    if (after.state === "done" && told.record.state !== "done") return `${name} was done before that.`;
    if (order.operation === "cancel") return undoText(after);
    const why = BEGINS.includes(order.operation) && after.state === "waiting" ? keeper.hindrance(after) : null;
    return why === null ? told.said : `${told.said} Not yet: ${why}.`;
  }

  async admit({ spec, source, env }: Pick<ReleaseRequest, "spec" | "source" | "env">): Promise<void> {
    const { book, sources } = this.#parts;
    const steps = await sources.read(source, spec);
    await this.#refuseMissing(spec.app, steps, spec.database && ownUrl(spec.database, env[mainType(spec)] ?? {}));
    const missing = steps.filter((step) => step.required && !this.#isDone(spec.app, step));
    if (missing.length > 0) throw unfinished(spec.app, missing, book.of(spec.app));
    await this.#leaveExpansion(spec.app);
  }

  /** A database that is away says nothing of them now: they wait for it. */
  async #refuseMissing(app: string, steps: readonly StepDefinition[], url: string | undefined): Promise<void> {
    const asked = askedOf(steps, ({ name, digest }) => {
      const record = this.#parts.book.find(app, name);
      return record?.definition.digest === digest && isOver(record);
    });
    if (url === undefined || asked.length === 0) return;
    const catalog = await this.#parts.database.catalog(url).catch(() => null);
    if (catalog !== null) refuseMissing(asked, catalog);
  }

  #isDone(app: string, { name, digest }: StepDefinition): boolean {
    const record = this.#parts.book.find(app, name);
    return record?.definition.digest === digest && record.state === "done";
  }

  async #leaveExpansion(app: string): Promise<void> {
    const { book, keeper, clock } = this.#parts;
    const record = book.find(app, EXPAND);
    if (record === null || isOver(record)) return;
    const reason = "a deployment does it itself";
    await book.save([{ ...record, state: "cancelled", reason, endedAt: clock.now() }]);
    await keeper.end(app, EXPAND, new StepStop("cancelled", reason));
  }
}

/** `127.0.0.1:5432/shop`: the same for every app that uses the database. */
function placeOf(url: string | undefined): string | null {
  const { hostname, port, pathname } = (url !== undefined && URL.canParse(url) ? new URL(url) : null) ?? {};
  return hostname === undefined ? null : `${hostname}:${port === "" || port === undefined ? "5432" : port}${pathname ?? ""}`;
}

function conflicting(details: readonly string[]): HitlessError {
  return new HitlessError({
    code: "ERR_STEP_CONFLICT",
    what: `${String(details.length)} step${details.length === 1 ? "" : "s"} would undo what another one does.`,
    next: "Let that one come to its end, or cancel it with `hitless steps cancel`. Nothing was changed.",
    details,
  });
}
