/** What a repeat of a creating request with the same Idempotency-Key is answered. */
import type { Context, Next } from "hono";
import { requireProof } from "../../services/account-audit.ts";
import { claimRequest, refuseMalformedKey } from "../../services/idempotency.ts";
import type { AppEnv } from "../context.ts";

/**
 * `stored`: what the first was answered, without doing it again. `proven`: the same, and because the answer shows a
 * secret, a session needs as fresh a proof as the first did. `own`: the handler hands the key on to the Dispatcher,
 * which makes key and run in one commit. `none`: creates nothing, or what it answers is good for one moment or one
 * browser and must not be kept; a repeat is a request like any other.
 */
export type Repeats = "stored" | "proven" | "own" | "none";

/** All that makes an answer the same beside its body. */
const KEPT_HEADERS = ["content-type", "etag", "location", "cache-control"];

/** `who`: a person who makes, leaves or deletes a workspace is in another one after, and asks again from there. */
export async function answerOnce(
  c: Context<AppEnv>,
  { repeats, who }: { readonly repeats: Repeats; readonly who: "anybody" | "people" },
  next: Next,
): Promise<Response | void> {
  const key = c.req.method === "POST" ? c.req.header("idempotency-key") : undefined;
  refuseMalformedKey(key);
  if (key === undefined || repeats === "own" || repeats === "none") {
    return next();
  }
  const { deps, actor } = c.var;
  const { pathname, search } = new URL(c.req.url);
  const claimed = await claimRequest(deps, actor, {
    key,
    scope: who === "people" ? "" : actor.workspaceId,
    operation: `${c.req.method} ${pathname}${search}`,
    body: c.get("bodyBytes"),
  });
  if (claimed.repeated !== null) {
    if (repeats === "proven") {
      requireProof(deps, actor);
    }
    const { status, headers, body } = claimed.repeated;
    return new Response(body === "" ? null : body, { status, headers: { ...headers, "idempotency-replayed": "true" } });
  }
  await next();
  try {
    if (c.res.ok) {
      const headers = KEPT_HEADERS.flatMap((name) => {
        const value = c.res.headers.get(name);
        return value === null ? [] : [[name, value] as const];
      });
      await claimed.keep({
        status: c.res.status,
        headers: Object.fromEntries(headers),
        body: await c.res.clone().text(),
      });
    } else {
      await claimed.release();
    }
  } catch (error) {
    // What was asked for is done, or refused: the caller is told so. The key frees itself after a minute.
    deps.log.error("idempotency.not_kept", { requestId: c.get("requestId"), error: String(error) });
  }
}
