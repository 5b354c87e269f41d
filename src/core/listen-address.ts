/** Where the proxy listens. Port 0 asks for any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}
