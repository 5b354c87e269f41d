/** What stands in no name of an asset: whatever ends or separates names here or on another system. */
const FORBIDDEN = /[\0/\\]/;

/**
 * What comes in a request's target after the place's path, decoded; null where the target is of another place, or not the plain name of a
 * file: nothing that is encoded separates names, nothing begins with a dot, nothing is empty.
 */
export function assetPath(target: string, path: string): string | null {
  const [pathname = ""] = target.split(/[?#]/, 1);
  if (!pathname.startsWith(`${path}/`)) return null;
  const names = pathname
    .slice(path.length + 1)
    .split("/")
    .map(decoded);
  return names.every((name) => name !== null && isName(name)) ? names.join("/") : null;
}

function isName(name: string): boolean {
  return name !== "" && !name.startsWith(".") && !FORBIDDEN.test(name);
}

function decoded(name: string): string | null {
  try {
    return decodeURIComponent(name);
  } catch {
    return null;
  }
}
