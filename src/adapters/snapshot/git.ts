import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface GitState {
  readonly commit: string | null;
  readonly dirty: boolean;
}

/** The commit the source is at, if it is a git work tree and git is there. */
export async function gitState(source: string): Promise<GitState> {
  const git = async (...args: string[]): Promise<string> =>
    (await run("git", ["-C", source, ...args], { timeout: 10_000 })).stdout.trim();
  try {
    const commit = await git("rev-parse", "HEAD");
    return { commit, dirty: (await git("status", "--porcelain", "--", ".")) !== "" };
  } catch {
    return { commit: null, dirty: false };
  }
}
