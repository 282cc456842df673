/**
 * Artifacts: bytes go straight to the control plane, under a ticket for this one file that the Dispatcher of the run
 * gives out. Nothing is held in memory; a body of unknown length is written to a file without a name first, because the
 * blob store wants to know the length of what it takes.
 */
import { open, type FileHandle, unlink } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as z from "zod";
import {
  AppError,
  Artifact,
  artifactNameProblem,
  ArtifactTicket,
  echo,
  errorCodes,
  MAX_ARTIFACT_BYTES,
  Sha256,
} from "@cronium/protocol";
import { type Call, checked, demand, send } from "./call.ts";
import { discardBody } from "./request-body.ts";

const PATH = "/api/v1/runner/artifacts";
/** Of silence between this process and the control plane. */
const SILENT_MS = 60_000;
const MAX_ANSWER_BYTES = 65_536;

/** What a newer control plane says beyond these is left out, so that scripts are answered what this version promises. */
const Stored = z.object(Artifact.shape);
const Listed = z.object({ items: z.array(Stored) });

const Problem = z.object({ code: z.enum(errorCodes), detail: z.string() });

export async function postArtifact(call: Call): Promise<void> {
  const { request, response, url } = call;
  const name = url.searchParams.get("name") ?? "";
  checkName(name);
  const given = request.headers["cronium-sha256"];
  const sha256 = given === undefined ? null : checked(Sha256, given, "The header cronium-sha256");
  const contentType = request.headers["content-type"] ?? "application/octet-stream";
  const { body, bytes } = await sized(call);
  try {
    const ticket = await demand(call, ArtifactTicket, { do: "artifact.put", name, bytes, contentType, sha256 });
    if (ticket.token === null) {
      await discardBody(request);
      send(response, 201, shownOf(ticket.artifact));
      return;
    }
    const stored = await upload(call, ticket.token, body(), bytes);
    send(response, 201, { name: stored.name, bytes: stored.bytes, sha256: stored.sha256 });
  } finally {
    await body.close();
  }
}

function shownOf(artifact: ArtifactTicket["artifact"]): unknown {
  return artifact === null ? null : { name: artifact.name, bytes: artifact.bytes, sha256: artifact.sha256 };
}

export async function listArtifacts(call: Call): Promise<void> {
  send(call.response, 200, await demand(call, Listed, { do: "artifact.list" }));
}

export async function getArtifact(call: Call): Promise<void> {
  const { response, name } = call;
  checkName(name);
  const { token, artifact } = await demand(call, ArtifactTicket, { do: "artifact.get", name });
  if (token === null || artifact === null) {
    throw new AppError("not_found", `This run has no artifact ${echo(name)}.`);
  }
  const answer = await exchange(call, "GET", token, null, 0);
  await refuseProblems(answer);
  response.writeHead(200, {
    "content-type": artifact.contentType,
    "content-length": artifact.bytes,
    "cronium-sha256": artifact.sha256,
  });
  await pipeline(answer, response);
}

function checkName(name: string): void {
  const problem = artifactNameProblem(name);
  if (problem !== null) {
    throw new AppError("invalid_name", `The name ${echo(name)} of an artifact ${problem}.`);
  }
}

interface Body {
  (): Readable;
  close(): Promise<void>;
}

/** The body and its length. */
async function sized({ request }: Call): Promise<{ readonly body: Body; readonly bytes: number }> {
  const announced = request.headers["content-length"];
  if (announced !== undefined) {
    const bytes = Number(announced);
    refuseLarge(bytes);
    return { body: Object.assign(() => request, { close: async () => {} }), bytes };
  }
  const path = join(tmpdir(), `cronium-artifact-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  // Without a name it goes with this process at the latest.
  await unlink(path);
  try {
    const bytes = await spool(request, file);
    return {
      body: Object.assign(() => file.createReadStream({ start: 0, autoClose: false }), { close: () => file.close() }),
      bytes,
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function spool(request: IncomingMessage, file: FileHandle): Promise<number> {
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    refuseLarge(bytes);
    await file.write(chunk);
  }
  return bytes;
}

function refuseLarge(bytes: number): void {
  if (!(bytes <= MAX_ARTIFACT_BYTES)) {
    throw new AppError("artifact_too_large", `An artifact holds at most ${MAX_ARTIFACT_BYTES} bytes.`);
  }
}

async function upload(call: Call, token: string, body: Readable, bytes: number): Promise<Artifact> {
  const answer = await exchange(call, "PUT", token, body, bytes);
  await refuseProblems(answer);
  return Stored.parse(JSON.parse(await readText(answer)));
}

/** Resolves with the head of the answer. Throws `not_available` when the control plane cannot be reached. */
function exchange(
  { context, request: from }: Call,
  method: "GET" | "PUT",
  token: string,
  body: Readable | null,
  bytes: number,
): Promise<IncomingMessage> {
  const { planeUrl } = context;
  if (planeUrl === null) {
    throw new AppError("not_available", "This runner has no way to the artifacts of the control plane.");
  }
  const url = new URL(PATH, planeUrl);
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown): void => {
      reject(new AppError("not_available", "The control plane could not be reached for the artifact.", { cause }));
    };
    const outgoing = (url.protocol === "https:" ? httpsRequest : httpRequest)(
      url,
      {
        method,
        timeout: SILENT_MS,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === null ? {} : { "content-type": "application/octet-stream", "content-length": bytes }),
        },
      },
      resolve,
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`nothing came for ${SILENT_MS} ms`)));
    outgoing.on("error", failed);
    if (body === null) {
      outgoing.end();
      return;
    }
    // A script that goes away in the middle must not leave a request behind that waits for the rest.
    from.once("close", () => {
      if (!from.complete) {
        outgoing.destroy(new Error("the script went away"));
      }
    });
    body.on("error", (error) => outgoing.destroy(error));
    body.pipe(outgoing);
  });
}

async function refuseProblems(answer: IncomingMessage): Promise<void> {
  const { statusCode = 0 } = answer;
  if (statusCode < 300) {
    return;
  }
  const problem = Problem.safeParse(parse(await readText(answer)));
  throw problem.success
    ? new AppError(problem.data.code, problem.data.detail)
    : new AppError("not_available", `The control plane answered ${statusCode} for the artifact.`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function readText(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length > MAX_ANSWER_BYTES) {
      answer.destroy();
      return "";
    }
  }
  return text;
}
