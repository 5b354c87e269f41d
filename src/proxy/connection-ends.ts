/** One end of a TCP connection. */
export interface End {
  readonly address: string;
  readonly port: number;
}

/** Whose connection it is, and where that client connected to. */
export interface ConnectionEnds {
  readonly source: End;
  readonly destination: End;
}
