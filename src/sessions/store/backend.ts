/** Where sessions are kept: texts under ids, each until its time has come. */
export interface Backend {
  get(id: string): Promise<string | null>;
  /** `ttlMs`: from now on. */
  set(id: string, text: string, ttlMs: number): Promise<void>;
  /** Only the time changes; nothing happens if there is no such session. */
  touch(id: string, ttlMs: number): Promise<void>;
  remove(id: string): Promise<void>;
  ids(): Promise<string[]>;
  clear(): Promise<void>;
  close(): Promise<void>;
}
