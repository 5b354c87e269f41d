import { setTimeout as sleep } from "node:timers/promises";
import type { SessionMoveStatus } from "../api/sessions.ts";
import { HitlessError } from "../base/error.ts";
import { patiently } from "./patience.ts";
import { moveText } from "./render/sessions.ts";
import { clock } from "./render/units.ts";
import type { Session } from "./session.ts";

const POLL_MS = 250;
/** How often progress alone is worth a line. */
const PROGRESS_EVERY_MS = 2_000;

/** Tells how the move goes until it is over. Ctrl-C once asks it to go back, twice leaves it alone. @throws why it did not come to the wanted end */
export async function followMove(session: Session, app: string, wanted: SessionMoveStatus["phase"]): Promise<void> {
  const interrupts = { count: 0 };
  const free = session.host.onInterrupt(() => {
    interrupts.count += 1;
    if (interrupts.count > 1 || wanted === "aborted") return;
    session.output.note("asking the move to go back; Ctrl-C again to stop watching");
    session.client.abortSessionMove(app).catch((error: unknown) => {
      session.output.note(error instanceof HitlessError ? error.failure.what : String(error));
    });
  });
  try {
    const told = new Told(session);
    for (;;) {
      const move = await patiently(session, () => session.client.sessionMove(app));
      if (move === null) return;
      told.tell(move);
      if (move.isOver) {
        conclude(session, move, wanted);
        return;
      }
      if (interrupts.count > (wanted === "aborted" ? 0 : 1)) throw left(move);
      await sleep(POLL_MS);
    }
  } finally {
    free();
  }
}

/** What has been said already is not said again. */
class Told {
  readonly #session: Session;
  #what = "";
  #at = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  tell(move: SessionMoveStatus): void {
    const { output, wantsJson } = this.#session;
    const what = [
      move.phase,
      move.waits,
      move.trouble?.replaceAll(/ \(for \d+ s\)/g, ""),
      move.progress?.doing,
      move.failure?.what,
    ].join(" ");
    const isDue = move.progress !== null && Date.now() >= this.#at + PROGRESS_EVERY_MS;
    if (what === this.#what && !isDue) return;
    [this.#what, this.#at] = [what, Date.now()];
    const line = `${output.style("dim", clock(Date.now()))}  ${moveText(move)}`;
    if (wantsJson) output.note(line);
    else output.line(line);
  }
}

function conclude({ output, wantsJson }: Session, move: SessionMoveStatus, wanted: SessionMoveStatus["phase"]): void {
  if (wantsJson) output.json({ move });
  if (move.phase === wanted) return;
  throw new HitlessError(
    move.failure ?? { code: "ERR_SESSIONS_MOVING", what: `The move is ${move.phase}.`, next: "See `hitless sessions`." },
  );
}

function left({ phase }: SessionMoveStatus): HitlessError {
  return new HitlessError({
    code: "ERR_ABORTED",
    what: `Stopped watching the move of sessions in phase ${phase}.`,
    next: "It goes on without you: `hitless sessions` shows how far it is.",
  });
}
