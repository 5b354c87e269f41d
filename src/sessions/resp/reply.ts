/**
 * What a command answers, before it is written down in the client's version of the protocol. A string is a bulk string with one byte per
 * character, a number or bigint an integer, null "nothing", an array a list.
 */
export type Reply =
  string | number | bigint | null | SimpleString | ErrorReply | MapReply | Verbatim | NullList | readonly Reply[];

/** `+OK` */
export class SimpleString {
  readonly kind = "simple";
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** `-ERR …`. The text begins with its code. */
export class ErrorReply {
  readonly kind = "error";
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Pairs: a map in RESP3, a flat list in RESP2. */
export class MapReply {
  readonly pairs: readonly (readonly [Reply, Reply])[];
  constructor(pairs: readonly (readonly [Reply, Reply])[]) {
    this.pairs = pairs;
  }
}

/** Text to be shown as it is (INFO): a verbatim string in RESP3, a bulk string in RESP2. */
export class Verbatim {
  readonly kind = "verbatim";
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A list that is not there (EXEC of a transaction that was given up): `*-1` in RESP2. */
export class NullList {
  readonly items = null;
}

export const OK = new SimpleString("OK");
export const NULL_LIST = new NullList();
export const error = (text: string): ErrorReply => new ErrorReply(text);
