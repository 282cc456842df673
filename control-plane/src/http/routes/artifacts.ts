/** Artifacts of runs: for people under `/runs`, for runners under a ticket. */
import { Artifact, RunId } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { TypedResponse } from "hono";
import * as z from "zod";
import { giveArtifact, readArtifact, takeArtifact } from "../../services/artifacts.ts";
import { open, requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { refuseCookies } from "../middleware/upgrade.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const bytes = { content: { "application/octet-stream": { schema: z.string() } }, description: "The bytes" };
const TICKET = "the bearer ticket names the one artifact it is good for";

const read = createRoute({
  method: "get",
  path: "/runs/{id}/artifacts/{number}",
  summary: "Download an artifact of a run, by its number in the run",
  middleware: requires("runs:read"),
  request: {
    params: z.object({ id: RunId, number: z.coerce.number().int().min(1).max(1_000_000) }),
  },
  responses: { 200: bytes, ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id") },
});

const give = createRoute({
  method: "get",
  path: "/runner/artifacts",
  summary: "The bytes of an artifact, for a job of its run",
  middleware: open(TICKET, { frequent: true }),
  responses: { 200: bytes, ...problemAnswers("invalid_token", "not_found", "forbidden") },
});

const take = createRoute({
  method: "put",
  path: "/runner/artifacts",
  summary: "The bytes of an artifact, from the job that keeps it",
  middleware: open(TICKET, { frequent: true, raw: true }),
  responses: {
    201: jsonAnswer(Artifact, "All bytes have arrived"),
    ...problemAnswers(
      "invalid_token",
      "forbidden",
      "attempt_not_active",
      "invalid_value",
      "checksum_mismatch",
      "artifact_exists",
    ),
  },
});

/** Below /api/v1. */
export function artifactRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(read, async (c) => {
    const { id, number } = c.req.valid("param");
    const { artifact, body } = await readArtifact(c.var.deps, c.var.actor, id, number);
    const { name, sha256 } = artifact;
    return file(body.stream, {
      "content-length": String(artifact.bytes),
      "cronium-sha256": sha256,
      // Never shown by the browser: whoever wrote the script chose these bytes.
      "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(name.split("/").at(-1) ?? name)}`,
      "content-security-policy": "sandbox; default-src 'none'",
    });
  });
  routes.openapi(give, async (c) => {
    refuseCookies(c);
    const body = await giveArtifact(c.var.deps, bearer(c.req.header("authorization")));
    return file(body.stream, { "content-length": String(body.sizeBytes) });
  });
  routes.openapi(take, async (c) => {
    refuseCookies(c);
    return c.json(await takeArtifact(c.var.deps, bearer(c.req.header("authorization")), c.req.raw.body), 201);
  });
  return routes;
}

function file(stream: ReadableStream<Uint8Array>, headers: Readonly<Record<string, string>>) {
  const answer = new Response(stream, {
    headers: {
      "content-type": "application/octet-stream",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      ...headers,
    },
  });
  // The contract's types know texts, not streams.
  return answer as Response & TypedResponse<string, 200, "text">;
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer ([^\s]+)$/i.exec(authorization ?? "")?.[1];
}
