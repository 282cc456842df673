/** `/api/v1/runners` and `/api/v1/registration-tokens`. */
import * as z from "zod";
import { idSchema } from "../ids.ts";
import { Labels } from "../labels.ts";
import {
  registrationTokenKinds,
  registrationTokenStates,
  type RegistrationTokenKind,
  type RegistrationTokenState,
} from "../registration-tokens.ts";
import { Runner } from "../runner-view.ts";
import { pageOf } from "./page.ts";

export const RunnerPage = pageOf(Runner, "RunnerPage");

const Note = z.string().max(500, "must be at most 500 characters").default("");

/** `note`: shown with the runner and with every run that waits for it. `forSeconds`: how long, a minute to 30 days; for good when left out. */
export const PauseRunner = z
  .strictObject({
    note: Note,
    forSeconds: z.int().min(60).max(2_592_000).optional(),
  })
  .meta({ id: "PauseRunner" });
export type PauseRunner = z.infer<typeof PauseRunner>;

/** `note`: for the audit. */
export const DrainRunner = z.strictObject({ note: Note }).meta({ id: "DrainRunner" });
export type DrainRunner = z.infer<typeof DrainRunner>;

export const RegistrationTokenId = idSchema("registrationToken");

const kinds = Object.keys(registrationTokenKinds) as [RegistrationTokenKind, ...RegistrationTokenKind[]];
const states = Object.keys(registrationTokenStates) as [RegistrationTokenState, ...RegistrationTokenState[]];

export const CreateRegistrationToken = z
  .strictObject({
    kind: z.enum(kinds).default("single_use"),
    /** Machines that it may register, 1 to 1000. Default: 1, and 100 for a reusable one. */
    maxUses: z.int().min(1).max(1_000).optional(),
    /** They win over what the machine says of itself. */
    labels: Labels.default({}),
    /** Life of the token in seconds, 60 to 3600. */
    expiresInSeconds: z.int().min(60).max(3_600).default(3_600),
  })
  .refine(({ kind, maxUses = 1 }) => kind !== "single_use" || maxUses === 1, {
    path: ["maxUses"],
    message: "must be 1, or left out, unless the kind is reusable or ephemeral",
  })
  .meta({ id: "CreateRegistrationToken" });
export type CreateRegistrationToken = z.infer<typeof CreateRegistrationToken>;

/** Without the token itself, of which only the hash is stored. */
export const RegistrationToken = z
  .strictObject({
    id: z.string(),
    kind: z.enum(kinds),
    state: z.enum(states),
    labels: Labels,
    uses: z.int(),
    maxUses: z.int(),
    /** Name of the person or key that made it; null when that is gone. */
    createdBy: z.string().nullable(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "RegistrationToken" });
export type RegistrationToken = z.infer<typeof RegistrationToken>;
export const RegistrationTokenPage = pageOf(RegistrationToken, "RegistrationTokenPage");

export const CreatedRegistrationToken = RegistrationToken.extend({
  /** Shown this once. */
  token: z.string(),
  /** The command to run on the machine, with the token in it. */
  installCommand: z.string(),
}).meta({ id: "CreatedRegistrationToken" });
export type CreatedRegistrationToken = z.infer<typeof CreatedRegistrationToken>;
