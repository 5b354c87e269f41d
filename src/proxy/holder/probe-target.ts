/** Where a health check goes. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
}
