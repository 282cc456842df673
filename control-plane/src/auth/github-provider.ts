/** GitHub: OAuth 2.0 without ID tokens; who it is comes from its API over the connection to it. */
import * as z from "zod";
import { type AskProvider, ProviderError } from "../domain/provider-request.ts";
import { type IdentityProvider, pkceChallenge } from "./identity-provider.ts";

export interface GithubSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  /** `https://github.com`, or an enterprise server's address; no slash at the end. */
  readonly url: string;
  /** `https://api.github.com`, or `https://<server>/api/v3`. */
  readonly apiUrl: string;
}

const TokenAnswer = z.object({ access_token: z.string().min(1) });
const User = z.object({ id: z.int().positive(), login: z.string(), name: z.string().nullish() });
const Emails = z.array(z.object({ email: z.string().max(254), primary: z.boolean(), verified: z.boolean() }));

export function githubProvider(
  { clientId, clientSecret, url, apiUrl }: GithubSettings,
  ask: AskProvider,
): IdentityProvider {
  return {
    id: "github",
    name: "GitHub",
    realm: url === "https://github.com" ? "github" : `github:${url}`,
    async authorizeUrl({ redirectUri, state, verifier }) {
      const authorize = new URL(`${url}/login/oauth/authorize`);
      for (const [name, value] of Object.entries({
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: "read:user user:email",
        state,
        code_challenge: await pkceChallenge(verifier),
        code_challenge_method: "S256",
      })) {
        authorize.searchParams.set(name, value);
      }
      return authorize.href;
    },
    async identify(code, { redirectUri, verifier }) {
      const answer = await ask(`${url}/login/oauth/access_token`, {
        method: "POST",
        headers: { accept: "application/json" },
        body: new URLSearchParams({
          client_id: clientId,
          client_secret: clientSecret,
          code,
          redirect_uri: redirectUri,
          code_verifier: verifier,
        }),
      });
      // GitHub answers 200 with an error inside for a code that does not count.
      const token = parse(TokenAnswer, answer, "the token");
      const headers = {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${token.access_token}`,
        "user-agent": "cronium",
      };
      const user = parse(User, await ask(`${apiUrl}/user`, { headers }), "the user");
      const emails = parse(Emails, await ask(`${apiUrl}/user/emails`, { headers }), "the addresses");
      const primary = emails.find((one) => one.primary);
      return {
        subject: String(user.id),
        email: primary?.email ?? null,
        emailVerified: primary?.verified === true,
        name: user.name ?? user.login,
      };
    },
  };
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw new ProviderError(`GitHub did not answer with ${what}`);
  }
  return parsed.data;
}
