import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { StateServerSpec } from "../../core/sessions-spec.ts";
import { writeWholeSync } from "../../platform/whole-file.ts";

/** What stays the same however often the server is started. */
export interface ServerRecord extends StateServerSpec {
  readonly port: number;
  /** When it was ended because nobody needed it any more, in milliseconds since the epoch. Absent: it is to run. */
  readonly endedAt?: number | undefined;
}

/** A program that is to take over from the running one. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

const PASSWORD_BYTES = 24;

/** One app's state server on disk, beside its data: `server.json`, `password`, `server.log`, and for a moment `successor.json`. */
export class ServerFiles {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  get log(): string {
    return join(this.directory, "server.log");
  }

  get passwordFile(): string {
    return join(this.directory, "password");
  }

  /** Null before its first start. */
  record(): ServerRecord | null {
    const text = readText(join(this.directory, "server.json"));
    return text === null ? null : (JSON.parse(text) as ServerRecord);
  }

  writeRecord(record: ServerRecord): void {
    this.#write("server.json", JSON.stringify(record));
  }

  removeRecord(): void {
    rmSync(join(this.directory, "server.json"), { force: true });
  }

  /** Chosen once. */
  password(): string {
    const known = readText(this.passwordFile)?.trim();
    if (known !== undefined && known !== "") return known;
    const fresh = randomBytes(PASSWORD_BYTES).toString("hex");
    this.#write("password", `${fresh}\n`);
    return fresh;
  }

  writeSuccessor(program: Program): void {
    this.#write("successor.json", JSON.stringify(program));
  }

  #write(name: string, text: string): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    writeWholeSync(join(this.directory, name), text);
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
