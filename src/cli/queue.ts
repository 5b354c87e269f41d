import { setTimeout as sleep } from "node:timers/promises";
import type { AppStatus } from "../api/daemon.ts";
import { HitlessError } from "../base/error.ts";
import { patiently } from "./patience.ts";
import { queuedText } from "./render/rollout.ts";
import type { Session } from "./session.ts";

const POLL_MS = 500;
/** So many deployments may have come and gone between two looks. */
const HISTORY = 20;

/** Says what the queued release waits for until it begins, and gives its deployment. Ctrl-C takes it back. @throws ERR_ABORTED */
export async function untilBegun(session: Session, app: string, release: string): Promise<string> {
  const free = session.host.onInterrupt(() => {
    session.output.note(`taking ${release} back`);
    session.client.request(app, "queue/clear").catch((error: unknown) => {
      session.output.note(error instanceof HitlessError ? error.failure.what : String(error));
    });
  });
  try {
    for (let said = ""; ;) {
      const { queued } = await patiently(session, () => session.client.app(app));
      if (queued?.release !== release) return await begunAs(session, app, release);
      said = sayOnce(session, queued, said);
      await sleep(POLL_MS);
    }
  } finally {
    free();
  }
}

function sayOnce({ output }: Session, queued: NonNullable<AppStatus["queued"]>, said: string): string {
  const why = JSON.stringify([queued.behind, queued.frozen]);
  if (why !== said) output.note(queuedText(queued, Date.now()));
  return why;
}

async function begunAs({ client }: Session, app: string, release: string): Promise<string> {
  const begun = (await client.deployments(app, HISTORY)).find(({ to, kind }) => to === release && kind === "deploy");
  if (begun !== undefined) return begun.name;
  throw new HitlessError({
    code: "ERR_ABORTED",
    what: `${release} left the queue before its turn.`,
    why: "Somebody took it back, stopped the app, or put a newer one in its place.",
    next: "See `hitless status`, and deploy again.",
  });
}
