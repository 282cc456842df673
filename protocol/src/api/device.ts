/**
 * Signing a program in on a device without a browser: OAuth 2.0 Device Authorization Grant, RFC 8628.
 *
 * The program asks `POST /api/v1/device/code` and shows `user_code` and `verification_uri`. A signed-in person opens
 * that page, reads what asks for what, and approves or denies it by `POST /api/v1/device/approve` or `…/deny`. Meanwhile
 * the program asks `POST /api/v1/device/token` every `interval` seconds: `authorization_pending` until the decision,
 * `slow_down` when it asks too fast (each time adds 5 s to the interval), then once an API key or `access_denied`.
 * `POST /api/v1/device/revoke` (RFC 7009) ends the key again.
 *
 * The three routes of the program speak as the RFCs do: fields in snake_case, sent as a form or as JSON, unknown ones
 * ignored, refusals as `OAuthError`. The routes of the person are like every other of the API.
 */
import * as z from "zod";
import { Name } from "../event.ts";
import { roles } from "../roles.ts";

export const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
/** The one client that may ask. */
export const CLI_CLIENT_ID = "cronium-cli";

export const DeviceCodeRequest = z
  .object({
    client_id: z.literal(CLI_CLIENT_ID),
    /** The role that the key should have; the person may choose a lesser one. */
    scope: z.enum(roles).optional(),
    /** How the device calls itself, such as its host name. Shown to the person, believed by nobody. */
    device_name: Name.optional(),
  })
  .meta({ id: "DeviceCodeRequest" });
export type DeviceCodeRequest = z.infer<typeof DeviceCodeRequest>;

export const DeviceCodeResponse = z
  .strictObject({
    device_code: z.string(),
    user_code: z.string(),
    verification_uri: z.string(),
    /** The same with the code in its fragment, which no server and no log sees. */
    verification_uri_complete: z.string(),
    /** Seconds until both codes are worth nothing. */
    expires_in: z.int(),
    /** Least seconds between two requests for the token. */
    interval: z.int(),
  })
  .meta({ id: "DeviceCodeResponse" });
export type DeviceCodeResponse = z.infer<typeof DeviceCodeResponse>;

export const DeviceTokenRequest = z
  .object({
    grant_type: z.literal(DEVICE_GRANT),
    device_code: z.string().min(1).max(200),
    client_id: z.literal(CLI_CLIENT_ID),
  })
  .meta({ id: "DeviceTokenRequest" });
export type DeviceTokenRequest = z.infer<typeof DeviceTokenRequest>;

export const DeviceTokenResponse = z
  .strictObject({
    /** An API key, given out this once. */
    access_token: z.string(),
    token_type: z.literal("Bearer"),
    /** Life of the key in seconds. */
    expires_in: z.int(),
    /** Its role. */
    scope: z.enum(roles),
    /** Id of the key, by which it is listed. */
    key_id: z.string(),
  })
  .meta({ id: "DeviceTokenResponse" });
export type DeviceTokenResponse = z.infer<typeof DeviceTokenResponse>;

export const oauthErrors = [
  "invalid_request",
  "invalid_client",
  "unsupported_grant_type",
  "invalid_scope",
  "invalid_grant",
  "authorization_pending",
  "slow_down",
  "access_denied",
  "expired_token",
] as const;
export type OAuthErrorCode = (typeof oauthErrors)[number];

/** The body of a refusal after RFC 6749, section 5.2; status 400. */
export const OAuthError = z
  .strictObject({ error: z.enum(oauthErrors), error_description: z.string() })
  .meta({ id: "OAuthError" });
export type OAuthError = z.infer<typeof OAuthError>;

/** `token` is the API key to end; after RFC 7009 an unknown one is no error. */
export const RevokeRequest = z.object({ token: z.string().min(1).max(200) }).meta({ id: "RevokeRequest" });

const userCode = z.string().max(64);

/** `POST /api/v1/device/lookup` and `…/deny`. */
export const DeviceLoginRef = z.strictObject({ userCode }).meta({ id: "DeviceLoginRef" });
export type DeviceLoginRef = z.infer<typeof DeviceLoginRef>;

/** What a person is shown before deciding. */
export const DeviceLogin = z
  .strictObject({
    userCode: z.string(),
    /** As the device calls itself; null when it does not say. */
    deviceName: z.string().nullable(),
    /** IP address that the request came from; null where this installation cannot know it. */
    address: z.string().nullable(),
    requestedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    workspace: z.strictObject({ id: z.string(), name: z.string() }),
    /** The role that it asks for, no more than the person's own. */
    role: z.enum(roles),
    /** The roles that may be granted: the person's own and lesser ones. */
    roles: z.array(z.enum(roles)),
  })
  .meta({ id: "DeviceLogin" });
export type DeviceLogin = z.infer<typeof DeviceLogin>;

export const ApproveDeviceLogin = z
  .strictObject({
    userCode,
    role: z.enum(roles),
    /** Life of the key in days: 1 to 365, 90 by default. */
    keyExpiresInDays: z.int().min(1).max(365).default(90),
  })
  .meta({ id: "ApproveDeviceLogin" });
export type ApproveDeviceLogin = z.infer<typeof ApproveDeviceLogin>;

export const DeviceLoginDecided = z
  .strictObject({ decision: z.enum(["approved", "denied"]) })
  .meta({ id: "DeviceLoginDecided" });
export type DeviceLoginDecided = z.infer<typeof DeviceLoginDecided>;
