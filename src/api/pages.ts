import { z } from "zod";
import { PAGE_BYTES_MAX, type ErrorPages, type Page } from "../core/pages.ts";

export const pageSchema: z.ZodType<Page> = z.strictObject({
  type: z.string().regex(/^[\x20-\x7e]{1,100}$/),
  body: z.string().refine((text) => Buffer.byteLength(text) <= PAGE_BYTES_MAX),
});

export const errorPagesSchema: z.ZodType<ErrorPages> = z.strictObject({
  502: pageSchema.optional(),
  503: pageSchema.optional(),
  504: pageSchema.optional(),
});
