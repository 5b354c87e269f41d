export type { StepContext, StepFunction } from "./core/preparation/step-function.ts";
