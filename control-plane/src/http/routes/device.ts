/** `/device`: letting a program in on a device without a browser. What RFC 8628 fixes is in `protocol/src/api/device.ts`. */
import {
  ApproveDeviceLogin,
  DeviceCodeRequest,
  DeviceCodeResponse,
  DeviceLogin,
  DeviceLoginDecided,
  DeviceLoginRef,
  DeviceTokenRequest,
  DeviceTokenResponse,
  OAuthError,
  type OAuthErrorCode,
  RevokeRequest,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import * as z from "zod";
import { endApiKey } from "../../services/api-keys.ts";
import {
  approveDeviceLogin,
  denyDeviceLogin,
  lookUpDeviceLogin,
  pollDeviceLogin,
  startDeviceLogin,
} from "../../services/device-logins.ts";
import { actOf, originOf } from "../acting.ts";
import { open, requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { clientAddress, clientIp } from "../middleware/client-address.ts";
import { publicUrl } from "../middleware/same-origin.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const CODES_PER_ADDRESS = { max: 30, windowMs: 60_000 };
/** A client that keeps to its interval asks twelve times in a minute. */
const POLLS_PER_ADDRESS = { max: 300, windowMs: 60_000 };
const REVOKES_PER_ADDRESS = { max: 60, windowMs: 60_000 };

/** A route of the program: described by hand, because a refusal has another form than everywhere else. */
function programRoute(path: string, summary: string, request: z.ZodType, answer: z.ZodType) {
  return {
    method: "post" as const,
    path,
    summary,
    request: {
      body: {
        content: { "application/x-www-form-urlencoded": { schema: request }, "application/json": { schema: request } },
        required: true,
      },
    },
    responses: {
      200: jsonAnswer(answer, "Granted"),
      400: jsonAnswer(OAuthError, "Refused, or not yet"),
      ...problemAnswers("rate_limited", "unsupported_media_type", "body_too_large"),
    },
  };
}

const find = createRoute({
  method: "post",
  path: "/device/lookup",
  summary: "Read which device waits for a user code; only for a person who is signed in",
  middleware: requires("account:write", { repeats: "none" }),
  request: { body: { content: { "application/json": { schema: DeviceLoginRef } }, required: true } },
  responses: {
    200: jsonAnswer(DeviceLogin, "The device, and what it asks for"),
    ...problemAnswers("unauthorized", "forbidden", "invalid_user_code", "rate_limited"),
  },
});

const approve = createRoute({
  method: "post",
  path: "/device/approve",
  summary: "Let the device in, with a key of this role and life; only for a person who is signed in",
  middleware: requires("account:write", { repeats: "none" }),
  request: { body: { content: { "application/json": { schema: ApproveDeviceLogin } }, required: true } },
  responses: {
    200: jsonAnswer(DeviceLoginDecided, "Its next request gets the key"),
    ...problemAnswers(
      "unauthorized",
      "forbidden",
      "proof_required",
      "invalid_user_code",
      "rate_limited",
      "out_of_range",
    ),
  },
});

const deny = createRoute({
  method: "post",
  path: "/device/deny",
  summary: "Keep the device out; only for a person who is signed in",
  middleware: requires("account:write", { repeats: "none" }),
  request: { body: { content: { "application/json": { schema: DeviceLoginRef } }, required: true } },
  responses: {
    200: jsonAnswer(DeviceLoginDecided, "Its next request is refused"),
    ...problemAnswers("unauthorized", "forbidden", "invalid_user_code", "rate_limited"),
  },
});

/** Below /api/v1. */
export function deviceRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  addProgramRoutes(routes);
  routes.openapi(find, async (c) => {
    c.header("cache-control", "no-store");
    return c.json(await lookUpDeviceLogin(c.var.deps, c.var.actor, c.req.valid("json").userCode), 200);
  });
  routes.openapi(approve, async (c) => {
    await approveDeviceLogin(c.var.deps, actOf(c), c.req.valid("json"));
    return c.json({ decision: "approved" as const }, 200);
  });
  routes.openapi(deny, async (c) => {
    await denyDeviceLogin(c.var.deps, actOf(c), c.req.valid("json").userCode);
    return c.json({ decision: "denied" as const }, 200);
  });
  return routes;
}

function addProgramRoutes(routes: OpenAPIHono<AppEnv>): void {
  const describe = (path: string, summary: string, request: z.ZodType, answer: z.ZodType): void =>
    routes.openAPIRegistry.registerPath(programRoute(path, summary, request, answer));

  describe("/device/code", "Begin the login of a program (RFC 8628)", DeviceCodeRequest, DeviceCodeResponse);
  const asksAnyone = open("gives out codes that are worth nothing until a person approves them", { forms: true });
  routes.post("/device/code", asksAnyone, async (c) => {
    const { deps } = c.var;
    deps.rateLimits.take(`device code ${clientAddress(c)}`, CODES_PER_ADDRESS);
    const sent = await fields(c);
    const parsed = DeviceCodeRequest.safeParse(sent);
    if (!parsed.success) {
      return refuse(c, codeFor(parsed.error, sent), z.prettifyError(parsed.error));
    }
    return answer(c, await startDeviceLogin(deps, parsed.data, clientIp(c), publicUrl(c)));
  });

  describe("/device/token", "Ask for the key of a login (RFC 8628)", DeviceTokenRequest, DeviceTokenResponse);
  routes.post("/device/token", open("the device code is the credential", { forms: true }), async (c) => {
    const { deps } = c.var;
    deps.rateLimits.take(`device token ${clientAddress(c)}`, POLLS_PER_ADDRESS);
    const sent = await fields(c);
    const parsed = DeviceTokenRequest.safeParse(sent);
    if (!parsed.success) {
      return refuse(c, codeFor(parsed.error, sent), z.prettifyError(parsed.error));
    }
    const polled = await pollDeviceLogin(deps, originOf(c), parsed.data.device_code);
    return polled.ok ? answer(c, polled.token) : refuse(c, polled.error, polled.message);
  });

  describe("/device/revoke", "End an API key by handing it in (RFC 7009)", RevokeRequest, z.strictObject({}));
  routes.post("/device/revoke", open("the key to end is the credential", { forms: true }), async (c) => {
    const { deps } = c.var;
    deps.rateLimits.take(`device revoke ${clientAddress(c)}`, REVOKES_PER_ADDRESS);
    const parsed = RevokeRequest.safeParse(await fields(c));
    if (!parsed.success) {
      return refuse(c, "invalid_request", z.prettifyError(parsed.error));
    }
    await endApiKey(deps, parsed.data.token);
    return answer(c, {});
  });
}

/** The body, which was read strictly before: a form as an object of texts. */
async function fields(c: Context<AppEnv>): Promise<unknown> {
  const text = await c.req.text();
  return text === "" ? {} : (JSON.parse(text) as unknown);
}

/** The error that RFC 6749 has for the field that is wrong; what is missing is an invalid request. */
function codeFor(error: z.ZodError, sent: unknown): OAuthErrorCode {
  const field = String(error.issues[0]?.path[0]);
  const isMissing = (sent as Readonly<Record<string, unknown>> | null)?.[field] === undefined;
  const codes: Readonly<Record<string, OAuthErrorCode>> = {
    client_id: "invalid_client",
    scope: "invalid_scope",
    grant_type: "unsupported_grant_type",
  };
  return (isMissing ? undefined : codes[field]) ?? "invalid_request";
}

function answer(c: Context<AppEnv>, body: object): Response {
  return c.json(body, 200, { "cache-control": "no-store" });
}

function refuse(c: Context<AppEnv>, error: OAuthErrorCode, message: string): Response {
  return c.json({ error, error_description: message } satisfies OAuthError, 400, { "cache-control": "no-store" });
}
