/** What an instance gets of the daemon's own environment; everything else comes from the release. */
const INHERITED = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"];

export function baseEnvironment(own: NodeJS.ProcessEnv): Record<string, string> {
  const base: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && (INHERITED.includes(name) || name.startsWith("LC_"))) base[name] = value;
  }
  return base;
}
