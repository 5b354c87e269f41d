/** One connection to a PostgreSQL: a server's, or the one that runs in this process. */
export interface Queryable {
  query<T = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<readonly T[]>;
}
