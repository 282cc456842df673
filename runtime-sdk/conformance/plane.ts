/**
 * The control plane as a conformance script needs it: what the runner would be answered for the calls of one job, from
 * memory. Its rules are proven where they are at home; here they only have to be the same for all languages.
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Artifact, CallError, CallOp, Json } from "@cronium/protocol";

export type Answered = { readonly result: Json } | { readonly error: CallError };

/** What goes wrong on purpose. */
export type PlaneFault = "lock_taken_away" | "bytes_change" | "busy" | "answer_lost";

export interface JobPlane {
  readonly variables: Map<string, { readonly value: Json; readonly version: number }>;
  /** What the job said of itself; the newest counts. */
  readonly notes: Record<string, unknown>;
  /** Writes of variables that took effect. */
  writes: number;
  /** Null: the answer is lost on its way. */
  readonly answer: (op: CallOp, key: string) => Answered | null;
}

interface StoredArtifact {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly contentType: string;
  readonly content: Buffer;
}

interface Ticket {
  readonly artifacts: Map<string, StoredArtifact>;
  readonly name: string;
  readonly contentType: string;
  readonly change: boolean;
}

const PAGE = 100;

function refuse(code: CallError["code"], message: string, retryAfterMs?: number): Answered {
  return { error: { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } };
}

/** Of the protocol's type, so that the compiler says when it changes. */
/** As a newer control plane shows it, with a field that nobody here knows. */
function shown({ name, bytes, sha256, contentType }: StoredArtifact): Artifact & { readonly addedLater: boolean } {
  const at = { attempt: 2, createdAt: "2026-03-09T10:00:02.000Z" };
  return { name, number: 1, bytes, sha256, contentType, ...at, addedLater: true };
}

/** Bytes of artifacts, under the tickets that the planes of jobs give out. */
export interface BlobStore {
  readonly url: string;
  readonly ticket: (ticket: Ticket) => string;
  readonly close: () => Promise<void>;
}

export async function startBlobStore(): Promise<BlobStore> {
  const tickets = new Map<string, Ticket>();
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const ticket = tickets.get((request.headers.authorization ?? "").replace("Bearer ", ""));
    if (ticket === undefined) {
      response.writeHead(401).end();
      return;
    }
    if (request.method === "GET") {
      const content = Buffer.from(ticket.artifacts.get(ticket.name)?.content ?? "");
      if (ticket.change) {
        content[0] = (content[0] ?? 0) ^ 1;
      }
      response.writeHead(200, { "content-length": content.length }).end(content);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
    }
    const content = Buffer.concat(chunks);
    const sha256 = createHash("sha256").update(content).digest("hex");
    const { name, contentType } = ticket;
    const artifact = { name, bytes: content.length, sha256, contentType, content };
    ticket.artifacts.set(name, artifact);
    response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify(shown(artifact)));
  };
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ticket: (ticket) => {
      const token = randomUUID();
      tickets.set(token, ticket);
      return token;
    },
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

export function makeJobPlane(
  blobs: BlobStore,
  given: Readonly<Record<string, Json>>,
  fault: PlaneFault | undefined,
): JobPlane {
  const variables: JobPlane["variables"] = new Map(
    Object.entries(given).map(([name, value]) => [name, { value, version: 1 }]),
  );
  const locks = new Map<string, { readonly lockId: string; readonly endsAt: number }>();
  const artifacts = new Map<string, StoredArtifact>();
  const answers = new Map<string, Answered>();
  let refusals = fault === "busy" ? 2 : 0;
  let losses = fault === "answer_lost" ? 1 : 0;

  const decide = (op: CallOp): Answered => {
    switch (op.do) {
      case "variable.get": {
        const held = variables.get(op.name);
        const value = held === undefined ? null : JSON.stringify(held.value);
        return { result: { value, version: held?.version ?? 0, cacheMs: 0, after: 0 } };
      }
      case "variable.list": {
        const names = [...variables.keys()].filter((name) => name.startsWith(op.prefix) && name > (op.after ?? ""));
        const page = names.toSorted().slice(0, PAGE);
        const items = page.map((name) => {
          const { value = null, version = 0 } = variables.get(name) ?? {};
          return { name, version, value: JSON.stringify(value) };
        });
        return { result: { items, next: names.length > PAGE ? (page.at(-1) ?? null) : null } };
      }
      case "variable.set":
      case "variable.delete": {
        const version = variables.get(op.name)?.version ?? 0;
        if (op.ifVersion !== undefined && op.ifVersion !== version) {
          return refuse("version_conflict", `It is at version ${version}.`);
        }
        plane.writes += 1;
        if (op.do === "variable.delete") {
          variables.delete(op.name);
        } else {
          variables.set(op.name, { value: JSON.parse(op.value) as Json, version: version + 1 });
        }
        return { result: { version: version + 1, cacheMs: 0, after: 0 } };
      }
      case "lock.take": {
        const held = locks.get(op.name);
        if (held !== undefined && held.endsAt > performance.now()) {
          return refuse("locked", "Somebody else holds it.", 1_000);
        }
        const lockId = randomUUID();
        locks.set(op.name, { lockId, endsAt: performance.now() + op.ttlMs });
        return { result: { lockId, ttlMs: op.ttlMs, fence: 1 } };
      }
      case "lock.renew": {
        const held = locks.get(op.name);
        if (fault === "lock_taken_away" || held?.lockId !== op.lockId || held.endsAt < performance.now()) {
          return refuse("lock_lost", "It ran out or was taken away.");
        }
        locks.set(op.name, { lockId: op.lockId, endsAt: performance.now() + op.ttlMs });
        return { result: { lockId: op.lockId, ttlMs: op.ttlMs, fence: 1 } };
      }
      case "lock.free":
        if (locks.get(op.name)?.lockId === op.lockId) {
          locks.delete(op.name);
        }
        return { result: null };
      case "note": {
        const { do: _do, ...said } = op;
        Object.assign(plane.notes, said);
        return { result: null };
      }
      case "action":
        return op.action === "echo"
          ? { result: { result: op.params } }
          : refuse("unknown_action", "There is echo alone.");
      case "artifact.put": {
        const held = artifacts.get(op.name);
        if (held !== undefined) {
          return held.sha256 === op.sha256
            ? { result: { token: null, artifact: shown(held) } }
            : refuse("artifact_exists", "It has other content.");
        }
        const token = blobs.ticket({ artifacts, name: op.name, contentType: op.contentType, change: false });
        return { result: { token, artifact: null } };
      }
      case "artifact.list":
        return { result: { items: [...artifacts.values()].map(shown) } };
      case "artifact.get": {
        const held = artifacts.get(op.name);
        if (held === undefined) {
          return refuse("not_found", "There is no such artifact.");
        }
        const { contentType } = held;
        const token = blobs.ticket({ artifacts, name: op.name, contentType, change: fault === "bytes_change" });
        return { result: { token, artifact: shown(held) } };
      }
      default:
        return op satisfies never;
    }
  };

  const plane: JobPlane = {
    variables,
    notes: {},
    writes: 0,
    answer: (op, key) => {
      if (op.do === "variable.set" && refusals > 0) {
        refusals -= 1;
        return refusals === 1 ? refuse("rate_limited", "Too often.", 10) : refuse("not_available", "Not now.");
      }
      const before = answers.get(key);
      const answered = before ?? decide(op);
      // Progress carries one key for all: only the newest counts there.
      if (op.do !== "note" && "result" in answered) {
        answers.set(key, answered);
      }
      if (op.do === "variable.set" && losses > 0) {
        losses -= 1;
        return null;
      }
      return answered;
    },
  };
  return plane;
}
