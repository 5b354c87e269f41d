import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statfsSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Scene, sharedScene, type AppDirectory } from "../support/scene.ts";
import { NO_SMALL_DISK, smallDisk } from "../support/small-disk.ts";
import { expectStanding } from "../support/standing.ts";

async function expectRefused(app: AppDirectory, code: number, words: readonly string[]): Promise<void> {
  const deployed = await app.run(["deploy"]);
  expect(deployed.code, deployed.out + deployed.err).toBe(code);
  for (const word of words) expect(deployed.err).toContain(word);
  await expectStanding(app, "r1", 1);
  expect((await app.scene.client.releases(app.name)).map(({ release }) => release)).toEqual(["r1"]);
}

describe("a source that cannot become a release leaves everything as it was", () => {
  const shop = sharedScene(async (scene) => {
    const app = await scene.app("shop", { instances: 1 });
    await app.deploy();
    return app;
  });

  test("a source directory that is missing", async () => {
    const app = shop();
    app.configure({ instances: 1 }, { source: "nowhere" });
    await expectRefused(app, 3, ["[ERR_SOURCE_MISSING]", join(app.path, "nowhere")]);
    app.configure({ instances: 1 });
  });

  test("a socket and a dangling link: both are named at once", async () => {
    const app = shop();
    const directory = join(app.path, "odd");
    mkdirSync(directory);
    const server = createServer().listen(join(directory, "app.sock"));
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
      rmSync(directory, { recursive: true });
    });
    symlinkSync("gone.txt", join(directory, "link"));
    await expectRefused(app, 3, ["[ERR_SOURCE_UNREADABLE]", "odd/app.sock", "socket", "odd/link", "gone.txt", ".hitlessignore"]);
  });

  test("a build that fails: what it said is shown", async () => {
    const app = shop();
    app.configure({ instances: 1 }, { build: "echo compiling the shop; echo 'no such module: cart' >&2; exit 4" });
    await expectRefused(app, 6, ["[ERR_BUILD_FAILED]", "4", "│ compiling the shop", "│ no such module: cart"]);
    app.configure({ instances: 1 });
  });

  test("a build that leaves a process behind: it is gone afterwards", async () => {
    const app = shop();
    app.configure({ instances: 1 }, { build: "sleep 600 & exit 1" });
    await expectRefused(app, 6, ["[ERR_BUILD_FAILED]"]);
    app.configure({ instances: 1 });
  });
});

test.skipIf(NO_SMALL_DISK !== null)(`a disk that is full while snapshotting (${NO_SMALL_DISK ?? "tmpfs"})`, async () => {
  const disk = smallDisk(12 * 1_048_576);
  const scene = new Scene(join(disk, "state"));
  onTestFinished(() => scene.close());
  const app = await scene.app("shop", { instances: 1 });
  await app.deploy();
  writeFileSync(join(app.path, "film.bin"), Buffer.alloc(20 * 1_048_576, 7));
  const before = free(disk);
  await expectRefused(app, 7, ["[ERR_DISK_FULL]", disk]);
  expect(before - free(disk)).toBeLessThan(1_048_576);
  rmSync(join(app.path, "film.bin"));
  app.write("changed.txt", "again");
  expect((await app.deploy()).deployment).toMatchObject({ outcome: "done" });
});

/** A user that is no super-user, for whom nothing is readable that is not meant for all: everything they need here is made for them. */
const NOBODY = 65_534;
const NO_OTHER_USER = await noOtherUser();

test.skipIf(NO_OTHER_USER !== null)(
  `files that may not be read are all named (${NO_OTHER_USER ?? "as another user"})`,
  async () => {
    const scene = new Scene();
    onTestFinished(() => scene.close());
    const app = await scene.app("shop", { instances: 1 });
    mkdirSync(join(app.path, "private"), { mode: 0o700 });
    writeFileSync(join(app.path, "secret.pem"), "secret", { mode: 0o600 });
    chmodSync(scene.root, 0o755);
    const state = mkdtempSync(join(scene.root, "nobody-"));
    chownSync(state, NOBODY, NOBODY);
    const { code, err } = await app.run(["deploy", "--state", state], { uid: NOBODY, env: { HOME: state } });
    expect(code, err).toBe(3);
    for (const word of ["[ERR_SOURCE_UNREADABLE]", "private", "secret.pem"]) expect(err).toContain(word);
  },
);

async function noOtherUser(): Promise<string | null> {
  if (process.getuid?.() !== 0) return "only root can be another user";
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../bin/hitless.cjs"), "--version"], {
    uid: NOBODY,
    gid: NOBODY,
    stdio: "ignore",
    cwd: "/",
    env: {},
  });
  const code = await new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  return code === 0 ? null : "this directory is not for other users";
}

function free(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
