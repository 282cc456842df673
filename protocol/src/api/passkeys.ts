/** `/api/v1/account/passkeys` and `/sign-in/passkey`. What passes to and from the browser is WebAuthn's own JSON. */
import * as z from "zod";
import { Name } from "../event.ts";
import { pageOf } from "./page.ts";

const Base64url = z
  .string()
  .min(1)
  .max(20_000)
  .regex(/^[A-Za-z0-9_-]+$/, "must be base64url without padding");

export const Passkey = z
  .strictObject({
    /** Of the credential. */
    id: z.string(),
    name: z.string(),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Passkey" });
export type Passkey = z.infer<typeof Passkey>;
export const PasskeyPage = pageOf(Passkey, "PasskeyPage");

/** `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`. */
export const PasskeyOptions = z.looseObject({ challenge: z.string() }).meta({ id: "PasskeyOptions" });
export type PasskeyOptions = z.infer<typeof PasskeyOptions>;

const credential = { id: Base64url, rawId: Base64url, type: z.literal("public-key") };

/** Of `RegistrationResponseJSON` what is needed. */
export const PasskeyAttestation = z
  .strictObject({
    ...credential,
    response: z.strictObject({
      clientDataJSON: Base64url,
      attestationObject: Base64url,
      transports: z.array(z.string().max(40)).max(10).optional(),
    }),
  })
  .meta({ id: "PasskeyAttestation" });
export type PasskeyAttestation = z.infer<typeof PasskeyAttestation>;

export const NewPasskey = z.strictObject({ name: Name, credential: PasskeyAttestation }).meta({ id: "NewPasskey" });
export type NewPasskey = z.infer<typeof NewPasskey>;

/** Of `AuthenticationResponseJSON` what is needed. */
export const PasskeyAssertion = z
  .strictObject({
    ...credential,
    response: z.strictObject({
      clientDataJSON: Base64url,
      authenticatorData: Base64url,
      signature: Base64url,
      userHandle: Base64url.optional(),
    }),
  })
  .meta({ id: "PasskeyAssertion" });
export type PasskeyAssertion = z.infer<typeof PasskeyAssertion>;
