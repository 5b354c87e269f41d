let waiting: (() => void)[] = [];

/**
 * Calls back after the event loop has looked at all sockets once more: what the peer had sent by now (a FIN above all) has then been seen.
 * Everything that asks in one turn shares one immediate.
 */
export function afterTurn(callback: () => void): void {
  waiting.push(callback);
  if (waiting.length === 1) setImmediate(run);
}

function run(): void {
  const callbacks = waiting;
  waiting = [];
  for (const callback of callbacks) callback();
}
