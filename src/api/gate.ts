import { z } from "zod";
import type { Gate, MaintenanceGate } from "../core/gate.ts";
import { PAUSE_ENDS } from "../core/gate.ts";
import { addressRange, fieldMatchSchema } from "./routing.ts";
import { pageSchema } from "./pages.ts";

export const maintenanceFields = {
  status: z.number().int().min(200).max(599),
  retryAfterS: z.number().int().min(0).nullable(),
  page: pageSchema.nullable(),
  allow: z.array(addressRange).max(1_000),
  allowCookies: z.array(fieldMatchSchema).max(100),
};

export const maintenanceSchema: z.ZodType<MaintenanceGate> = z.strictObject(maintenanceFields);

export const gateSchema: z.ZodType<Gate> = z.strictObject({
  pause: z.strictObject({ until: z.number(), then: z.enum(PAUSE_ENDS) }).optional(),
  maintenance: maintenanceSchema.optional(),
  exceptPaths: z.array(z.string()),
});
