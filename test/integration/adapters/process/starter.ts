import { ProcessFleet } from "../../../../src/adapters/process/fleet.ts";
import { silentLogger } from "../../../../src/base/log.ts";
import { request, UNFENCED } from "../../../support/fleet-request.ts";

/** A daemon's stand-in: starts the instances it is told to, says so, and waits to be killed. */
const [state = "", ...instances] = process.argv.slice(2);
const fleet = new ProcessFleet(state, silentLogger, UNFENCED);
const started = await Promise.all(instances.map((instance) => fleet.start(request("sleep 60", { instance }))));
process.stdout.write(`${JSON.stringify(started)}\n`);
setInterval(() => undefined, 1_000);
