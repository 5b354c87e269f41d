import type { Client } from "./client.ts";

/** What commands can ask of the server they run in. */
export interface ServerFacts {
  readonly passwords: Passwords;
  readonly settings: ServerSettings;
  clients(): Iterable<Client>;
  /** Counts for INFO, by section. */
  info(): readonly InfoSection[];
  /** Ends other connections (CLIENT KILL). */
  end(client: Client): void;
}

export type InfoSection = readonly [section: string, lines: readonly (readonly [name: string, value: string | number])[]];

export interface Passwords {
  readonly required: boolean;
  accepts(password: string): boolean;
}

/** What CONFIG GET shows, under Redis' names. */
export type ServerSettings = ReadonlyMap<string, string>;
