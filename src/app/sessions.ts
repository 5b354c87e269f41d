import { HOST } from "../adapters/state-server/keeper.ts";
import type { ServerRecord } from "../adapters/state-server/server-files.ts";
import { StateServers, type StateServersOptions } from "../adapters/state-server/servers.ts";
import type { SessionsStatus } from "../api/sessions.ts";
import { HitlessError } from "../base/error.ts";
import { hostAndPort } from "../base/host-and-port.ts";
import { SESSION_URL } from "../base/session-move.ts";
import type { SessionMove } from "../core/session-move/move.ts";
import type { SessionsSpec } from "../core/sessions-spec.ts";
import type { AppState } from "../core/state.ts";
import type { MoveBook } from "../engine/sessions/move-book.ts";
import type { Releases } from "../ports/releases.ts";
import { backendFor } from "../sessions/store/backends.ts";
import { overview } from "../sessions/store/overview.ts";
import { stateServerProgram } from "./run-state-server.ts";

/** The state servers that this daemon runs for its apps. */
export function stateServers(options: Omit<StateServersOptions, "program">): StateServers {
  return new StateServers({
    ...options,
    program: ({ directory, passwordFile }, { port, memoryBytes, fsync, aspNet }) =>
      stateServerProgram({
        data: directory,
        listen: [`${HOST}:${String(port)}`],
        passwordFile,
        memory: String(memoryBytes),
        fsync,
        ...(aspNet === undefined ? {} : { aspNet: hostAndPort(aspNet) }),
      }),
  });
}

/** Looks into the session store of the app's active release. @throws ERR_NOTHING_RUNNING, ERR_SESSIONS_UNREACHABLE */
export async function sessionsStatus(
  { releases, moves, servers }: { readonly releases: Releases; readonly moves: MoveBook; readonly servers: StateServers },
  { app, active }: AppState,
  prefix: string,
): Promise<SessionsStatus> {
  const workplace = active === null ? null : await releases.workplace(app, active);
  const url = workplace?.env[SESSION_URL];
  const served = serverStatus(servers.record(app));
  if (url === undefined) {
    throw new HitlessError({
      code: "ERR_NOTHING_RUNNING",
      what: active === null ? `${app} has no active release.` : `${app} does not say where its sessions are.`,
      ...(served.aspNet === undefined ? {} : { why: `Its state server goes on for ASP.NET at ${served.aspNet}.` }),
      next: "Set `sessions` in the configuration and deploy it: docs/sessions.md.",
    });
  }
  try {
    const backend = await backendFor(url)(prefix, () => undefined, "fails");
    try {
      return {
        app,
        store: withoutPassword(url),
        ours: isOurs(url, moves.of(app), workplace?.spec.sessions),
        ...served,
        ...(await overview(backend)),
      };
    } finally {
      await backend.close();
    }
  } catch (error) {
    throw new HitlessError({
      code: "ERR_SESSIONS_UNREACHABLE",
      what: `The session store ${withoutPassword(url)} of ${app} cannot be read.`,
      why: error instanceof Error ? error.message : String(error),
    });
  }
}

/** Of the state server itself, whatever releases name now. */
function serverStatus(record: ServerRecord | null): Pick<SessionsStatus, "aspNet" | "serverEndedAt"> {
  const { aspNet, endedAt } = record ?? {};
  if (endedAt !== undefined) return { serverEndedAt: endedAt };
  return aspNet === undefined ? {} : { aspNet: hostAndPort(aspNet) };
}

/** The release names its own store; a move may have taken the sessions elsewhere since. */
function isOurs(url: string, move: SessionMove | null, sessions: SessionsSpec | undefined): boolean {
  const moved = move === null ? undefined : [move.from, move.to].find((place) => place.url === url);
  return moved === undefined ? sessions?.server !== undefined : moved.ours === true;
}

function withoutPassword(text: string): string {
  const url = new URL(text);
  url.password = "";
  return url.href;
}
