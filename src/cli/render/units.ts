/** "12 s", "3 m 20 s", "2 h 5 m", "4 d 2 h". */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${String(seconds)} s`;
  if (seconds < 3_600) return `${String(Math.floor(seconds / 60))} m ${String(seconds % 60)} s`;
  if (seconds < 86_400) return `${String(Math.floor(seconds / 3_600))} h ${String(Math.floor((seconds % 3_600) / 60))} m`;
  return `${String(Math.floor(seconds / 86_400))} d ${String(Math.floor((seconds % 86_400) / 3_600))} h`;
}

/** "842 ms", "4.2 s", "1 m 3 s". */
export function took(ms: number): string {
  if (ms < 1_000) return `${String(Math.round(ms))} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : age(ms);
}

/** Digits in groups of three. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

export function ms(value: number | null): string {
  if (value === null) return "–";
  return value < 10 ? `${value.toFixed(1)} ms` : `${String(Math.round(value))} ms`;
}

export function percent(share: number | null): string {
  return share === null ? "–" : `${(share * 100).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;
}

export function bytes(value: number): string {
  if (value < 1_024) return `${String(value)} B`;
  return value < 1_048_576 ? `${(value / 1_024).toFixed(1)} KiB` : `${(value / 1_048_576).toFixed(1)} MiB`;
}

/** Local time, "2026-11-23 14:05:09". */
export function time(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${String(date.getFullYear())}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(at)}`;
}

/** Local time of day, "14:05:09". */
export function clock(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}
