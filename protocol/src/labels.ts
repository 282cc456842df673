/** Labels: what runners carry and runs ask for. */
import * as z from "zod";

const LABEL_KEY = /^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$/;

/** Labels that a runner carries or a run asks for, all of which must match: at most 32, values up to 128 characters. */
export const Labels = z
  .record(z.string().regex(LABEL_KEY, "must be lower-case letters, digits and . _ / -"), z.string().max(128))
  .refine((labels) => Object.keys(labels).length <= 32, { message: "must hold at most 32 labels" });
