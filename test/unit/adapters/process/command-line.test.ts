import { describe, expect, test } from "vitest";
import { commandLine, type CommandLine } from "../../../../src/adapters/process/command-line.ts";

const PATH = "/usr/bin:/bin";
const of = (command: string | readonly string[], env: Record<string, string> = {}): CommandLine =>
  commandLine({ command, directory: "/", env }, PATH);

describe("a command line", () => {
  test.each([
    ["sleep 60", "exec sleep 60"],
    ["  sleep   60  ", "exec sleep   60"],
    ["/bin/sh --posix --rcfile=x", "exec /bin/sh --posix --rcfile=x"],
    ["./bin/sh script", "exec ./bin/sh script"],
  ])("that is one plain command replaces the shell: %s", (line, run) => {
    expect(of(line)).toEqual({ file: "/bin/sh", args: ["-c", run] });
  });

  test.each([
    "sleep 60 && sleep 60",
    "PORT=1 no-such-program",
    "no-such-program --port $PORT",
    "cd bin && ./serve",
    "exec no-such-program",
    "cat < /dev/null",
    "no-such-program 'a b'",
    "sleep 60 # why",
  ])("with shell syntax is the shell's as it stands: %s", (line) => {
    expect(of(line)).toEqual({ file: "/bin/sh", args: ["-c", line] });
  });

  test("as a list is run without a shell, its words untouched", () => {
    expect(of(["sh", "-c", "echo $PORT", "a b"])).toEqual({
      file: expect.stringMatching(/\/sh$/) as string,
      args: ["-c", "echo $PORT", "a b"],
    });
  });

  test("looks where the release's PATH says, not where the daemon's does", () => {
    expect(() => of(["sh"], { PATH: "/nowhere" })).toThrow(expect.objectContaining({ code: "ERR_COMMAND_NOT_FOUND" }) as Error);
  });

  test("that does not exist says where it was looked for", () => {
    expect(() => of("no-such-program --x")).toThrow(/no-such-program was not found.*PATH=\/usr\/bin:\/bin/);
    expect(() => of(["./no-such-program"])).toThrow(/Looked for \/no-such-program/);
  });

  test("does not take a directory for a program", () => {
    expect(() => of(["/usr"])).toThrow(/not found/);
  });
});
