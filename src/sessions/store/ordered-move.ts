import { marksPrefix, SESSION_MOVE, SESSION_MOVE_FROM, SESSION_MOVE_TO, SESSION_URL } from "../../base/session-move.ts";
import type { Backend } from "./backend.ts";

/** A move that the daemon makes (`hitless sessions move`), as this instance was told of it. */
export interface OrderedMove {
  readonly id: string;
  /** This instance's name. */
  readonly instance: string | undefined;
  readonly moveTo?: string | undefined;
  readonly moveFrom?: string | undefined;
}

/** Marks are looked for while their instances serve; what nobody has taken away goes by itself. */
const MARK_MS = 7 * 86_400_000;

/** Null: none is under way, or not of the store that this URL names. */
export function orderedMove(url: string, env: NodeJS.ProcessEnv): OrderedMove | null {
  const { [SESSION_MOVE]: id, [SESSION_MOVE_TO]: moveTo, [SESSION_MOVE_FROM]: moveFrom } = env;
  const isOwn = url === "hitless://" || url === env[SESSION_URL];
  return id === undefined || !isOwn ? null : { id, instance: env["HITLESS_INSTANCE"], moveTo, moveFrom };
}

/** What the ids of this process' sessions begin with. */
const prefixes = new Set<string>();
let writing: Promise<unknown> = Promise.resolve();

/** Leaves word in the new store that this instance writes there too, and with which ids. */
export function leaveMark(
  { id, instance }: OrderedMove,
  prefix: string,
  open: (prefix: string) => Promise<Backend>,
): Promise<void> {
  prefixes.add(prefix);
  // One after the other: an earlier list must not come after a later one.
  const written = writing.then(async () => {
    if (instance === undefined) return;
    const marks = await open(marksPrefix(id));
    try {
      await marks.set(instance, JSON.stringify([...prefixes]), MARK_MS);
    } finally {
      await marks.close();
    }
  });
  writing = written.catch(() => undefined);
  return written;
}

/** What instances of these names have left word of; those that have not are missing. */
export async function readMarks(marks: Backend, instances: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = await marks.read(instances);
  return new Map(found.map(({ id, text }) => [id, JSON.parse(text) as string[]]));
}
