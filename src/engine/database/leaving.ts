/** Rejects with the signal's reason when nobody waits any more: the server may still come to its end with it. `mayLeave` is asked at that moment. */
export async function unlessLeft<T>(work: Promise<T>, signal: AbortSignal, mayLeave = (): boolean => true): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = (): void => {
    if (mayLeave()) reject(signal.reason as Error);
  };
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  return Promise.race([work, left]).finally(() => {
    signal.removeEventListener("abort", leave);
  });
}
