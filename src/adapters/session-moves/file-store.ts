import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SessionMove } from "../../core/session-move/move.ts";
import { syncDirectory, writeWhole } from "../../platform/whole-file.ts";
import type { SessionMoveStore } from "../../ports/session-moves.ts";

/** `apps/<app>/session-move.json` of the state directory; for the owner's eyes alone, since URLs may hold passwords. */
export class SessionMoveFiles implements SessionMoveStore {
  readonly #apps: string;

  constructor(stateDirectory: string) {
    this.#apps = join(stateDirectory, "apps");
  }

  async moves(): Promise<readonly SessionMove[]> {
    const apps = existsSync(this.#apps) ? readdirSync(this.#apps) : [];
    const files = apps.map((app) => this.#file(app)).filter((file) => existsSync(file));
    return Promise.all(files.map(async (file) => JSON.parse(await readFile(file, "utf8")) as SessionMove));
  }

  async save(move: SessionMove): Promise<void> {
    const file = this.#file(move.app);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeWhole(file, JSON.stringify(move));
    await syncDirectory(dirname(file));
  }

  #file(app: string): string {
    return join(this.#apps, app, "session-move.json");
  }
}
