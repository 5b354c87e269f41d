import { randomBytes, randomUUID } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { StateServerSpec } from "../../core/sessions-spec.ts";

/** What stays the same however often the server is started. */
export interface ServerRecord extends StateServerSpec {
  readonly port: number;
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

  /** Whole or not at all, and only for the owner's eyes. */
  #write(name: string, text: string): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const temporary = join(this.directory, `.${name}.${randomUUID()}`);
    const file = openSync(temporary, "w", 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, join(this.directory, name));
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
