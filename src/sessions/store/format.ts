/** A session as an application sees it: plain JSON. */
export type SessionData = Record<string, unknown>;

/**
 * How one release of an application writes its sessions, and how it gets on with releases that write them otherwise.
 *
 * While two releases run side by side, and after a rollback, a session that the new one has written must be readable by the old one, whose code knows nothing of the new
 * form. So the new one writes it twice: in its own form, and by `downgrade` in each older form from `oldest` on.
 */
export interface SessionFormat<Session extends SessionData = SessionData> {
  /** Counts up with each change of the form; sessions without a number are of version 1. */
  readonly version: number;
  /** The oldest version that is still read and written: that of the release one could go back to. Default: `version`. */
  readonly oldest?: number | undefined;
  /** Makes of a session of version `from` (lower than `version`) one of this version. */
  readonly upgrade?: ((session: SessionData, from: number) => Session) | undefined;
  /** Makes of a session of this version one of version `to` (lower than `version`). Must not change what it is given. */
  readonly downgrade?: ((session: Session, to: number) => SessionData) | undefined;
}

/**
 * Gives the format back, with the editor's help in writing it: `defineSessionFormat<MySession>({ … })`. That a store is only given sessions of this form is the
 * application's word.
 */
export function defineSessionFormat<Session extends SessionData = SessionData>(format: SessionFormat<Session>): SessionFormat {
  return format as unknown as SessionFormat;
}

/** Under this name the store keeps its own facts beside the session's fields, so that other tools can read the session. */
const MARK = "$hitless";

interface Marked {
  readonly version: number;
  /** The release that wrote it. */
  readonly release?: string | undefined;
  /** The same session in older forms, by version. */
  readonly older?: Readonly<Record<string, SessionData>> | undefined;
}

const UNMARKED: Marked = { version: 1 };

/** The text that is stored. */
export function encodeSession(session: SessionData, format: SessionFormat, release: string | undefined): string {
  const plain = JSON.parse(JSON.stringify(session)) as SessionData;
  const { version, oldest = version, downgrade } = format;
  if (version === 1 && release === undefined) return JSON.stringify(plain);
  const older: Record<string, SessionData> = {};
  if (downgrade !== undefined) for (let to = oldest; to < version; to += 1) older[to] = downgrade(structuredClone(plain), to);
  const marked: Marked = {
    version,
    ...(release === undefined ? {} : { release }),
    ...(Object.keys(older).length === 0 ? {} : { older }),
  };
  return JSON.stringify({ ...plain, [MARK]: marked });
}

/** The session in this format; null if it is in a newer one of which there is no copy that can be read, or is no session at all. */
export function decodeSession(text: string, format: SessionFormat): SessionData | null {
  const stored = parse(text);
  if (stored === null) return null;
  const { [MARK]: mark, ...session } = stored;
  const { version, older = {} } = (mark as Marked | undefined) ?? UNMARKED;
  if (version === format.version) return session;
  if (version < format.version) return upgraded(session, version, format);
  // Written by a newer release: the newest copy that this one understands.
  for (let at = format.version; at >= 1; at -= 1) {
    const copy = older[at];
    if (copy !== undefined) return at === format.version ? copy : upgraded(copy, at, format);
  }
  return null;
}

/** The release that wrote it, as far as it is known. */
export function releaseOf(text: string): string | null {
  return (parse(text)?.[MARK] as Marked | undefined)?.release ?? null;
}

function upgraded(session: SessionData, from: number, { upgrade }: SessionFormat): SessionData | null {
  return upgrade === undefined ? null : upgrade(session, from);
}

function parse(text: string): SessionData | null {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as SessionData) : null;
  } catch {
    return null;
  }
}
