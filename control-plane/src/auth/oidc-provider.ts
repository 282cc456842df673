/** OpenID Connect Core 1.0 with discovery. The ID token is verified in full; no other answer is believed. */
import { createRemoteJWKSet, customFetch, jwtVerify, type JWTVerifyGetKey } from "jose";
import * as z from "zod";
import { type AskProvider, ProviderError } from "../domain/provider-request.ts";
import { type IdentityProvider, pkceChallenge } from "./identity-provider.ts";

export interface OidcSettings {
  /** As the provider spells it, such as `https://login.example.org/realms/staff`. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly name: string;
}

/** Signatures by a key that only the provider has; never by the client's secret, and never none. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const CLOCK_TOLERANCE_S = 60;

const Discovery = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  jwks_uri: z.url(),
  token_endpoint_auth_methods_supported: z.array(z.string()).default(["client_secret_basic"]),
});
type Discovery = z.infer<typeof Discovery>;

const TokenAnswer = z.object({ id_token: z.string() });

const Claims = z.object({
  sub: z.string().min(1).max(255),
  nonce: z.string(),
  azp: z.string().optional(),
  email: z.string().max(254).optional(),
  // Some providers send a text.
  email_verified: z.union([z.boolean(), z.enum(["true", "false"])]).optional(),
  name: z.string().optional(),
});

interface Known {
  readonly discovery: Discovery;
  readonly keys: JWTVerifyGetKey;
}

export function oidcProvider(settings: OidcSettings, ask: AskProvider): IdentityProvider {
  const { issuer, clientId, clientSecret } = settings;
  let known: Promise<Known> | undefined;
  const discover = (): Promise<Known> => {
    known ??= readDiscovery(issuer, ask).catch((error: unknown) => {
      // The next sign-in asks again.
      known = undefined;
      throw error;
    });
    return known;
  };
  return {
    id: "oidc",
    name: settings.name,
    realm: `oidc:${issuer}`,
    async authorizeUrl({ redirectUri, state, nonce, verifier }) {
      const url = new URL((await discover()).discovery.authorization_endpoint);
      for (const [name, value] of Object.entries({
        response_type: "code",
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: "openid email profile",
        state,
        nonce,
        code_challenge: await pkceChallenge(verifier),
        code_challenge_method: "S256",
      })) {
        url.searchParams.set(name, value);
      }
      return url.href;
    },
    async identify(code, { redirectUri, nonce, verifier }) {
      const { discovery, keys } = await discover();
      const form = new URLSearchParams({
        grant_type: "authorization_code",
        code,
        redirect_uri: redirectUri,
        client_id: clientId,
        code_verifier: verifier,
      });
      const headers: Record<string, string> = { accept: "application/json" };
      if (discovery.token_endpoint_auth_methods_supported.includes("client_secret_basic")) {
        // RFC 6749, section 2.3.1: both are form-encoded first.
        const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
        headers["authorization"] = `Basic ${Buffer.from(pair).toString("base64")}`;
      } else {
        form.set("client_secret", clientSecret);
      }
      const answer = await ask(discovery.token_endpoint, { method: "POST", headers, body: form });
      const token = TokenAnswer.safeParse(answer);
      if (!token.success) {
        throw new ProviderError("the answer holds no ID token");
      }
      const claims = await verify(token.data.id_token, keys, { issuer, clientId });
      if (claims.nonce !== nonce) {
        throw new ProviderError("the ID token is of another sign-in: its nonce differs");
      }
      return {
        subject: claims.sub,
        email: claims.email ?? null,
        emailVerified: claims.email_verified === true || claims.email_verified === "true",
        name: claims.name ?? null,
      };
    },
  };
}

async function readDiscovery(issuer: string, ask: AskProvider): Promise<Known> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const parsed = Discovery.safeParse(await ask(url));
  if (!parsed.success) {
    throw new ProviderError(`the discovery document is not usable: ${z.prettifyError(parsed.error)}`);
  }
  if (parsed.data.issuer !== issuer) {
    throw new ProviderError(`the discovery document is of ${parsed.data.issuer}, not of ${issuer}`);
  }
  return { discovery: parsed.data, keys: remoteKeys(parsed.data.jwks_uri, ask) };
}

/** Where the keys are is for the provider to say, so they are fetched as all that others choose. */
function remoteKeys(uri: string, ask: AskProvider): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(uri), { [customFetch]: async (url) => Response.json(await ask(url)) });
}

async function verify(
  token: string,
  keys: JWTVerifyGetKey,
  { issuer, clientId }: { readonly issuer: string; readonly clientId: string },
): Promise<z.infer<typeof Claims>> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience: clientId,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ["iat", "exp", "sub", "nonce"],
    });
    const claims = Claims.parse(payload);
    const isShared = Array.isArray(payload.aud) && payload.aud.length > 1;
    if ((isShared || claims.azp !== undefined) && claims.azp !== clientId) {
      throw new ProviderError("the ID token was made for another client");
    }
    return claims;
  } catch (cause) {
    if (cause instanceof ProviderError) {
      throw cause;
    }
    throw new ProviderError(`the ID token is not valid: ${String(cause)}`, { cause });
  }
}
