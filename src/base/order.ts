/** All of them in their order, but each after what it needs; in a circle that cannot be. */
export function dependenciesFirst<T>(all: readonly T[], needs: (one: T) => readonly T[]): readonly T[] {
  const done = new Set<T>();
  const visit = (one: T, above: readonly T[]): void => {
    if (done.has(one) || above.includes(one)) return;
    for (const other of needs(one)) visit(other, [...above, one]);
    done.add(one);
  };
  for (const one of all) visit(one, []);
  return [...done];
}
