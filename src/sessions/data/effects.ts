/**
 * What commands change, in terms that can be repeated: absolute values and absolute times. `at` is in ms since 1970; 0 means "does not
 * expire". The log is made of these, and applying them again in their order leads to the same state, also on a state that has
 * already seen some of them (a snapshot that was taken while they happened).
 */
export interface Effects {
  set(database: number, key: string, value: string, at: number): void;
  remove(database: number, key: string): void;
  expire(database: number, key: string, at: number): void;
  /** Cuts the value to `offset` bytes and puts `tail` behind. */
  append(database: number, key: string, offset: number, tail: string): void;
  /** `fields`: name, value, name, value … A key that holds no hash is replaced by one. */
  setFields(database: number, key: string, fields: readonly string[]): void;
  removeFields(database: number, key: string, names: readonly string[]): void;
  clear(database: number): void;
}
