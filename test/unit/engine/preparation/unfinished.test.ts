import { expect, test } from "vitest";
import type { StepDefinition } from "../../../../src/core/preparation/step-definition.ts";
import { brokenOff } from "../../../../src/engine/preparation/settled.ts";
import { unfinished } from "../../../../src/engine/preparation/unfinished.ts";
import { record, step } from "../../../support/steps.ts";

const agreed = (name: string): StepDefinition =>
  step(name, { work: { kind: "wait", until: { kind: "approval", text: "boss agrees" } } });
const rows = {
  code: "ERR_BACKFILL_INCOMPLETE",
  what: "2 rows cannot be done.",
  details: ["7: no number", "9: no number"],
} as const;

test("each step that is not done is told its own way: what runs, what somebody must approve, put right, or take up again", () => {
  const steps = ["0001-runs", "0002-rows", "0004-paid", "0005-given-up", "0006-new", "0009-cut"].map((name) => step(name));
  const [runs, failing, paid, givenUp, changed, cut] = steps.map((one) => record(one));
  const records = [
    { ...runs!, state: "running", estimateMs: 5_000 } as const,
    { ...failing!, state: "incomplete", failure: rows } as const,
    { ...paid!, state: "incomplete", reason: "its budget is used up" } as const,
    { ...givenUp!, state: "cancelled", reason: "cancelled by ada" } as const,
    { ...changed!, definition: { ...changed!.definition, digest: "other" }, state: "incomplete", failure: rows } as const,
    brokenOff(cut!, "the daemon ended meanwhile", 0),
    record(agreed("0003-agreed"), { state: "running" }),
    record(agreed("0007-said"), { state: "running", approvedBy: "ada" }),
  ];
  const agreements = ["0003-agreed", "0007-said", "0008-new"].map(agreed);
  const sorted = [...steps, ...agreements].sort((a, b) => (a.name < b.name ? -1 : 1));
  expect(unfinished("shop", sorted, records).failure).toEqual({
    code: "ERR_STEPS_UNFINISHED",
    what: "9 steps that this release of shop requires are not done.",
    next: "Tell those that want it what stands there; `hitless deploy --run-steps` runs the others now and then deploys, `--wait-steps` waits for their windows. Nothing was started.",
    details: [
      "0001-runs: running, about 5 s of work left",
      "0002-rows: incomplete (2 rows cannot be done): `hitless steps retry 0002-rows` does what is left, once that can be done",
      "  7: no number",
      "  9: no number",
      "0003-agreed: waits for an approval (boss agrees): `hitless steps approve 0003-agreed`",
      "0004-paid: incomplete (its budget is used up): `hitless steps resume 0004-paid`",
      "0005-given-up: cancelled (cancelled by ada): `hitless steps retry 0005-given-up` takes it up again",
      "0006-new: was prepared with another content",
      "0007-said: running, nobody knows yet how long it takes",
      "0008-new: is not prepared yet, and wants an approval (boss agrees): `hitless prepare --detach`, then `hitless steps approve 0008-new`",
      "0009-cut: incomplete (0009-cut was ended in the middle: the daemon ended meanwhile): See what it has done; then `hitless steps retry 0009-cut` begins it anew, or `hitless steps cancel 0009-cut` gives it up.",
    ],
  });
  const next = (of: readonly StepDefinition[]): string | undefined => unfinished("shop", of, records).failure.next;
  expect(next(agreements.slice(0, 1))).toBe("Tell it what stands there, and deploy again. Nothing was started.");
  expect(next(steps.slice(0, 1))).toContain("`hitless deploy --run-steps` runs them now");
});
