import { acquireDaemonLock } from "../../../../src/adapters/sqlite/daemon-lock.ts";

/** A daemon's stand-in: takes the lock of the directory, says so, and holds it until it is killed. */
acquireDaemonLock(process.argv[2] ?? "");
process.stdout.write("held\n");
setInterval(() => undefined, 1_000);
