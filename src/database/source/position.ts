/** Where in a source file something stands; lines and columns count from 1, columns in characters. */
export interface Position {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

export function positionAt(path: string, source: string, offset: number): Position {
  const before = source.slice(0, offset);
  const line = before.split("\n").length;
  return { path, line, column: offset - (before.lastIndexOf("\n") + 1) + 1 };
}

/** The same for many offsets of one text, each not before the last: the text is walked over once. */
export function positionsIn(path: string, source: string): (offset: number) => Position {
  let line = 1;
  let begin = 0;
  return (offset) => {
    for (let end = source.indexOf("\n", begin); end !== -1 && end < offset; end = source.indexOf("\n", begin)) {
      line += 1;
      begin = end + 1;
    }
    return { path, line, column: offset - begin + 1 };
  };
}

/** Something about the sources that keeps them from being used. */
export interface SourceProblem {
  readonly position: Position;
  readonly text: string;
}
