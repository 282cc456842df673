/** `/.well-known/security.txt` (RFC 9116): whom to tell of a weakness in this installation. */
import { AppError } from "@cronium/protocol/errors";
import { OpenAPIHono } from "@hono/zod-openapi";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { publicUrl } from "../middleware/same-origin.ts";

const DAY_MS = 86_400_000;
/** RFC 9116 asks for an end within a year. It moves on by itself, because the contact is read from the settings. */
const VALID_DAYS = 90;

/** At the root. */
export function wellKnownRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.get("/.well-known/security.txt", open("says whom to tell of a weakness"), (c) => {
    const { config, clock } = c.var.deps;
    if (config.securityContacts.length === 0) {
      throw new AppError(
        "not_found",
        "The operator of this installation has named no contact for security (setting SECURITY_CONTACT).",
      );
    }
    const lastDay = Math.floor(clock.now() / DAY_MS) + VALID_DAYS;
    const lines = [
      ...config.securityContacts.map((contact) => `Contact: ${contact}`),
      `Expires: ${new Date(lastDay * DAY_MS).toISOString()}`,
      // Any Host header would make an address of it; only a configured one is true for everybody.
      ...(config.publicUrl === "" ? [] : [`Canonical: ${publicUrl(c)}/.well-known/security.txt`]),
    ];
    return c.text(`${lines.join("\n")}\n`, 200, { "cache-control": "public, max-age=3600" });
  });
  return routes;
}
