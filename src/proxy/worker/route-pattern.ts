const SEGMENTS_MAX = 5;
/** What looks like the name of one thing among many: with a digit in it, encoded, or long. */
const NAME = /\d|%|^[^.]{25,}$/;

/** Method and path of a request, with `*` for what tells one thing from another: there are few of them. */
export function routePattern(method: string, target: string): string {
  const path = target.split("?", 1)[0] ?? "";
  const segments = path.split("/").slice(1);
  const shown = segments.slice(0, SEGMENTS_MAX).map((segment) => (NAME.test(segment) ? "*" : segment));
  return `${method} /${shown.join("/")}${segments.length > SEGMENTS_MAX ? "/…" : ""}`;
}
