/** `/api/v1/runners` and `/api/v1/registration-tokens`. */
import * as z from "zod";
import { Labels } from "../labels.ts";
import { Runner } from "../runner-view.ts";
import { pageOf } from "./page.ts";

export const RunnerPage = pageOf(Runner, "RunnerPage");

export const CreateRegistrationToken = z
  .strictObject({
    labels: Labels.default({}),
    /** Life of the token in seconds, 60 to 3600. */
    expiresInSeconds: z.int().min(60).max(3_600).default(3_600),
  })
  .meta({ id: "CreateRegistrationToken" });
export type CreateRegistrationToken = z.infer<typeof CreateRegistrationToken>;

/** Shown once: only its hash is stored. */
export const RegistrationToken = z
  .strictObject({
    id: z.string(),
    token: z.string(),
    expiresAt: z.iso.datetime(),
    /** The command to run on the machine, with the token in it. */
    installCommand: z.string(),
  })
  .meta({ id: "RegistrationToken" });
export type RegistrationToken = z.infer<typeof RegistrationToken>;
