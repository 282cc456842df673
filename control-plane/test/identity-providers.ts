/**
 * An OpenID Connect provider below `/oidc` and one like GitHub below `/github`, as strict as real ones: codes work once,
 * for the client, address and PKCE verifier that they were made for. Whom the browser signs in as is the parameter `as`
 * of the authorize address, JSON of `Account`; its `lie` makes the provider misbehave.
 */
import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

export const CLIENT = { id: "cronium test/client", secret: "secret of the client: 100%" } as const;

export interface Account {
  readonly sub: string;
  readonly email?: string;
  readonly verified?: boolean;
  readonly name?: string;
  readonly lie?: "nonce" | "audience" | "issuer" | "key" | "expired" | "algorithm" | "azp" | "refuse";
}

interface Grant {
  readonly account: Account;
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

const grants = new Map<string, Grant>();
const tokens = new Map<string, Account>();
const right = generateKeyPair("ES256");
const wrong = generateKeyPair("ES256");

/** Whether there is something at this address. */
export async function answerAsProvider(url: URL, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  const base = `http://${request.headers.host}`;
  const json = (status: number, body: unknown): true => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    return true;
  };
  switch (url.pathname) {
    case "/oidc/.well-known/openid-configuration":
      return json(200, {
        issuer: `${base}/oidc`,
        authorization_endpoint: `${base}/oidc/authorize?tenant=1`,
        token_endpoint: `${base}/oidc/token`,
        jwks_uri: `${base}/oidc/keys`,
      });
    case "/foreign/.well-known/openid-configuration":
      return json(200, {
        issuer: "https://somebody.example",
        authorization_endpoint: `${base}/oidc/authorize`,
        token_endpoint: `${base}/oidc/token`,
        jwks_uri: `${base}/oidc/keys`,
      });
    case "/oidc/keys":
      return json(200, { keys: [{ ...(await exportJWK((await right).publicKey)), kid: "1", use: "sig" }] });
    case "/oidc/authorize":
    case "/github/login/oauth/authorize":
      response.writeHead(302, { location: authorize(url) }).end();
      return true;
    case "/oidc/token": {
      const [id = "", secret = ""] = Buffer.from(request.headers.authorization?.replace("Basic ", "") ?? "", "base64")
        .toString()
        .split(":")
        .map(decodeURIComponent);
      const grant = redeem(await form(request), id, secret);
      return grant === null
        ? json(400, { error: "invalid_grant" })
        : json(200, { token_type: "Bearer", id_token: await idToken(base, grant) });
    }
    case "/github/login/oauth/access_token": {
      const sent = await form(request);
      const grant = redeem(sent, sent.get("client_id") ?? "", sent.get("client_secret") ?? "");
      if (grant === null) {
        return json(200, { error: "bad_verification_code" });
      }
      const token = randomBytes(16).toString("hex");
      tokens.set(token, grant.account);
      return json(200, { access_token: token, token_type: "bearer" });
    }
    case "/github/api/user":
    case "/github/api/user/emails": {
      const account = tokens.get(request.headers.authorization?.replace("Bearer ", "") ?? "");
      if (account === undefined) {
        return json(401, {});
      }
      const { email, verified, name } = account;
      const own = email === undefined ? [] : [{ email, primary: true, verified: verified === true }];
      return url.pathname.endsWith("/emails")
        ? json(200, [{ email: "other@example.org", primary: false, verified: true }, ...own])
        : json(200, { id: Number(account.sub), login: "login", name: name ?? null });
    }
    default:
      return false;
  }
}

function authorize(url: URL): string {
  const asked = url.searchParams;
  const back = new URL(asked.get("redirect_uri") ?? "");
  const account = JSON.parse(asked.get("as") ?? "{}") as Account;
  back.searchParams.set("state", asked.get("state") ?? "");
  if (
    account.lie === "refuse" ||
    asked.get("client_id") !== CLIENT.id ||
    asked.get("code_challenge_method") !== "S256"
  ) {
    back.searchParams.set("error", "access_denied");
    return back.href;
  }
  const code = randomBytes(16).toString("hex");
  grants.set(code, {
    account,
    nonce: asked.get("nonce") ?? "",
    challenge: asked.get("code_challenge") ?? "",
    redirectUri: asked.get("redirect_uri") ?? "",
  });
  back.searchParams.set("code", code);
  return back.href;
}

function redeem(sent: URLSearchParams, clientId: string, clientSecret: string): Grant | null {
  const code = sent.get("code") ?? "";
  const grant = grants.get(code);
  grants.delete(code);
  const challenge = createHash("sha256")
    .update(sent.get("code_verifier") ?? "")
    .digest("base64url");
  const isRight =
    clientId === CLIENT.id &&
    clientSecret === CLIENT.secret &&
    grant?.challenge === challenge &&
    grant.redirectUri === sent.get("redirect_uri");
  return isRight ? grant : null;
}

async function idToken(base: string, { account, nonce }: Grant): Promise<string> {
  const { lie } = account;
  const claims = {
    nonce: lie === "nonce" ? "another" : nonce,
    email: account.email,
    email_verified: account.verified,
    name: account.name,
    ...(lie === "azp" ? { azp: "somebody else" } : {}),
  };
  const token = new SignJWT(claims)
    .setSubject(account.sub)
    .setIssuer(lie === "issuer" ? "https://somebody.example" : `${base}/oidc`)
    .setAudience(lie === "audience" ? "somebody else" : CLIENT.id)
    .setIssuedAt(lie === "expired" ? "-2h" : undefined)
    .setExpirationTime(lie === "expired" ? "-1h" : "5m");
  if (lie === "algorithm") {
    // By the client's secret, as a client that believes the header would check it.
    return token
      .setProtectedHeader({ alg: "HS256", kid: "1" })
      .sign(new TextEncoder().encode(CLIENT.secret.padEnd(32)));
  }
  const { privateKey } = await (lie === "key" ? wrong : right);
  return token.setProtectedHeader({ alg: "ES256", kid: "1" }).sign(privateKey);
}

async function form(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}
