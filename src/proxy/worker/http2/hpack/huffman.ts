/**
 * How many bits the code of each byte has, and at the end that of the end-of-string symbol (RFC 7541 appendix B). The code is canonical: codes
 * of one length follow one another in the order of their symbols, so that the lengths say all of it.
 */
const CODE_LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22,
  23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22,
  21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26,
  27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26,
  26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const END_OF_STRING = 256;
/** Padding is the beginning of the end-of-string code: ones, and fewer than eight (RFC 7541 section 5.2). */
const PADDING_MAX = 7;

const EMITS = 1 << 16;
const FAILS = 1 << 17;

interface Automaton {
  /** By state and half a byte: the next state (bits 0–7), the byte that has ended (bits 8–15), EMITS or FAILS. */
  readonly moves: Uint32Array;
  /** The states in which a text may end. */
  readonly isEnd: Uint8Array;
}

const AUTOMATON = build();

/** The text (latin1) of `bytes` from `start` to `end`, or null where no such code exists. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | null {
  const { moves, isEnd } = AUTOMATON;
  let text = "";
  let state = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    const first = moves[(state << 4) | (byte >> 4)] ?? FAILS;
    const second = moves[((first & 0xff) << 4) | (byte & 15)] ?? FAILS;
    if (((first | second) & FAILS) !== 0) return null;
    if ((first & EMITS) !== 0) text += String.fromCharCode((first >> 8) & 0xff);
    if ((second & EMITS) !== 0) text += String.fromCharCode((second >> 8) & 0xff);
    state = second & 0xff;
  }
  return isEnd[state] === 1 ? text : null;
}

/** Half a byte ends at most one code, as the shortest has five bits. */
function build(): Automaton {
  const tree = buildTree();
  const moves = new Uint32Array(tree.length * 16);
  const isEnd = new Uint8Array(tree.length);
  for (let state = 0; state < tree.length; state += 1)
    for (let half = 0; half < 16; half += 1) moves[(state << 4) | half] = moveFrom(tree, state, half);
  for (let bits = 0, state = 0; bits <= PADDING_MAX; bits += 1) {
    isEnd[state] = 1;
    state = tree[state]?.[1] ?? 0;
  }
  return { moves, isEnd };
}

function moveFrom(tree: readonly Node[], from: number, half: number): number {
  let state = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit -= 1) {
    const next = tree[state]?.[(half >> bit) & 1] ?? 0;
    if (next < 0) {
      const symbol = -next - 1;
      if (symbol === END_OF_STRING) return FAILS;
      emitted = EMITS | (symbol << 8);
      state = 0;
    } else state = next;
  }
  return emitted | state;
}

/** Where the bits 0 and 1 lead: to another node, or (negative) to a symbol. */
type Node = [number, number];

function buildTree(): readonly Node[] {
  const tree: Node[] = [[0, 0]];
  const symbols = CODE_LENGTHS.map((length, symbol) => ({ length, symbol }));
  symbols.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  let code = 0;
  let before = symbols[0]?.length ?? 0;
  for (const { length, symbol } of symbols) {
    code *= 2 ** (length - before);
    before = length;
    plant(tree, { code, length, symbol });
    code += 1;
  }
  return tree;
}

function plant(tree: Node[], { code, length, symbol }: { code: number; length: number; symbol: number }): void {
  let at = 0;
  for (let bit = length - 1; bit > 0; bit -= 1) {
    const node = tree[at] ?? [0, 0];
    const side = (code >>> bit) & 1;
    if (node[side] === 0) node[side] = tree.push([0, 0]) - 1;
    at = node[side] ?? 0;
  }
  const leaf = tree[at];
  if (leaf !== undefined) leaf[code & 1] = -symbol - 1;
}
