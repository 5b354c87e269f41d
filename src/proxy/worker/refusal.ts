/** A request (or response) that is not passed on, with the status the client gets for it. */
export interface Refusal {
  readonly refused: true;
  readonly status: number;
  readonly reason: string;
}

export function refusal(status: number, reason: string): Refusal {
  return { refused: true, status, reason };
}

export function isRefusal(value: object): value is Refusal {
  return "refused" in value;
}
