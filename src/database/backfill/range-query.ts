/** Where the range of a batch is written in a query: `{range}`, or `{range o}` where the table has another name in it. */
const RANGE = /\{range(?:\s+([a-z_]\w*))?\}/gi;

export function hasRange(query: string): boolean {
  return query.search(RANGE) >= 0;
}

/** The query over one range. `conditions`: for the rows of the range, with the columns of the key as they are called under that name. */
export function queryOver(query: string, conditions: (name: string | null) => readonly string[]): string {
  const range = (_found: string, name?: string): string => `(${["true", ...conditions(name ?? null)].join(" AND ")})`;
  return query.replace(RANGE, range).replace(/[\s;]+$/, "");
}

/** The query with a condition in the place of each range, that is just as long: what is found wrong in it stands where it was written. */
export function rangeAsConstant(query: string): string {
  return query.replace(RANGE, (found) => "(true)".padEnd(found.length));
}
