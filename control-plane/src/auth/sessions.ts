/** Sessions of people: better-auth with e-mail and password, on tables it is handed. Nobody can sign up through it. */
import type { Auth } from "better-auth";
import { betterAuth, type BetterAuthOptions } from "better-auth/minimal";
import { hashPassword, verifyPassword } from "./password.ts";

const DAY_S = 86_400;

export interface SessionSettings {
  readonly database: NonNullable<BetterAuthOptions["database"]>;
  readonly secret: string;
  /** Origin of the dashboard, such as `https://cronium.example`. */
  readonly origin: string;
}

export type Sessions = Auth<BetterAuthOptions>;

/**
 * A session lives seven days after its last use. Over https its cookie is `__Host-cronium.session` (Secure, this host
 * and path / only); over plain http, which only a local installation uses, `cronium.session`.
 */
export function createSessions(settings: SessionSettings): Sessions {
  const isSecure = settings.origin.startsWith("https:");
  return betterAuth<BetterAuthOptions>({
    database: settings.database,
    secret: settings.secret,
    baseURL: settings.origin,
    basePath: "/api/auth",
    trustedOrigins: [settings.origin],
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: 10,
      maxPasswordLength: 256,
      password: { hash: hashPassword, verify: verifyPassword },
    },
    session: { expiresIn: 7 * DAY_S, updateAge: DAY_S / 24 },
    // Counted by our own middleware, before anything expensive.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
    advanced: {
      useSecureCookies: false,
      defaultCookieAttributes: { httpOnly: true, sameSite: "lax", path: "/", secure: isSecure },
      cookies: { session_token: { name: `${isSecure ? "__Host-" : ""}cronium.session` } },
    },
  });
}
