/**
 * Sessions of people: better-auth on tables it is handed. It keeps sessions and their cookies; who may have one is
 * decided before, in one place (`services/sign-in.ts`), so that no way in goes past a second factor.
 */
import { createAuthEndpoint } from "@better-auth/core/api";
import { setSessionCookie } from "better-auth/cookies";
import { betterAuth, type BetterAuthOptions } from "better-auth/minimal";
import * as z from "zod";

const DAY_S = 86_400;

export interface SessionSettings {
  readonly database: NonNullable<BetterAuthOptions["database"]>;
  readonly secret: string;
  /** Origin of the dashboard, such as `https://cronium.example`. */
  readonly origin: string;
}

export interface Issued {
  readonly token: string;
  /** Of the session's cookie. */
  readonly setCookies: readonly string[];
}

export interface IssueRequest {
  readonly userId: string;
  /** Those of the request that signs in: its program is kept with the session. */
  readonly headers: Headers;
  /** Null where the platform names no address. */
  readonly ip: string | null;
  /** False: it ends with the browser, and after a day. Default true. */
  readonly remember?: boolean | undefined;
}

const IssueBody = z.object({ userId: z.string(), ip: z.string().nullable(), remember: z.boolean() });

/** Not reachable by any address. */
const issuing = {
  id: "cronium-issue",
  endpoints: {
    issueSession: createAuthEndpoint.serverOnly({ method: "POST", body: IssueBody }, async (c) => {
      const { userId, ip, remember } = c.body;
      const user = await c.context.internalAdapter.findUserById(userId);
      if (user === null) {
        throw new Error(`user ${userId} does not exist`);
      }
      const session = await c.context.internalAdapter.createSession(userId, !remember, { ipAddress: ip ?? "" });
      await setSessionCookie(c, { session, user }, !remember);
      return { token: session.token };
    }),
  },
};

/**
 * A session lives seven days after its last use. Over https its cookie is `__Host-cronium.session` (Secure, this host
 * and path / only); over plain http, which only a local installation uses, `cronium.session`.
 */
export function createSessions(settings: SessionSettings) {
  const isSecure = settings.origin.startsWith("https:");
  const auth = betterAuth({
    database: settings.database,
    secret: settings.secret,
    baseURL: settings.origin,
    basePath: "/api/auth",
    trustedOrigins: [settings.origin],
    plugins: [issuing],
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
  return {
    handler: (request: Request): Promise<Response> => auth.handler(request),
    /** Null without a valid session. */
    read: (headers: Headers) => auth.api.getSession({ headers, query: { disableRefresh: true } }),
    /** Prolongs a session in use; answers the cookies to send. */
    async prolong(headers: Headers): Promise<readonly string[]> {
      const answer = await auth.api.getSession({ headers, returnHeaders: true });
      return answer.headers.getSetCookie();
    },
    /** Makes a session for somebody who has proven who they are. */
    async issue({ userId, headers, ip, remember = true }: IssueRequest): Promise<Issued> {
      const answer = await auth.api.issueSession({
        body: { userId, ip, remember },
        headers,
        returnHeaders: true,
      });
      return { token: answer.response.token, setCookies: answer.headers.getSetCookie() };
    },
  };
}

export type Sessions = ReturnType<typeof createSessions>;
