/**
 * Artifacts of a script that runs without a control plane: files in a folder. The sidecar brings and fetches their bytes
 * over HTTP, as it does with a control plane, from a port of this machine and under a token for each file.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AppError, type Artifact, type ArtifactTicket, type CallOp, echo, toProblem } from "@cronium/protocol";
import { errorText } from "../base/log.ts";
import { type Refused, refuse } from "./local-calls.ts";

type Put = Extract<CallOp, { do: "artifact.put" }>;

interface Expected {
  readonly put: Put;
  readonly token: string;
}

export class LocalArtifacts {
  private readonly folder: string;
  private readonly stored = new Map<string, Artifact>();
  private readonly expected = new Map<string, Expected>();
  private readonly readable = new Map<string, string>();
  private server: Server | null = null;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Serves them; the address to give to the sidecar. */
  async open(): Promise<string> {
    const server = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) => refuseRequest(response, error));
    });
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  list(): Artifact[] {
    return [...this.stored.values()];
  }

  expect(put: Put): ArtifactTicket | Refused {
    const known = this.stored.get(put.name);
    if (known !== undefined && known.sha256 !== put.sha256) {
      return refuse("artifact_exists", `The run has an artifact ${echo(put.name)}.`);
    }
    if (known !== undefined) {
      return { token: null, artifact: known };
    }
    const token = randomBytes(24).toString("base64url");
    this.expected.set(token, { put, token });
    return { token, artifact: null };
  }

  ticket(name: string): ArtifactTicket | Refused {
    const artifact = this.stored.get(name);
    if (artifact === undefined) {
      return refuse("not_found", `The run has no artifact ${echo(name)}.`);
    }
    const token = randomBytes(24).toString("base64url");
    this.readable.set(token, name);
    return { token, artifact };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    const name = this.readable.get(token);
    const expected = this.expected.get(token);
    if (request.method === "GET" && name !== undefined) {
      await pipeline(createReadStream(this.pathOf(name)), response);
    } else if (request.method === "PUT" && expected !== undefined) {
      this.expected.delete(token);
      const artifact = await this.store(request, expected.put);
      response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify(artifact));
    } else {
      throw new AppError("unauthorized", "This is no ticket for an artifact.");
    }
  }

  private async store(request: IncomingMessage, put: Put): Promise<Artifact> {
    const path = this.pathOf(put.name);
    mkdirSync(dirname(path), { recursive: true });
    const hash = createHash("sha256");
    const hashed = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(request, hashed, createWriteStream(path));
    const sha256 = hash.digest("hex");
    if (put.sha256 !== null && put.sha256 !== sha256) {
      throw new AppError("checksum_mismatch", `The bytes have SHA-256 ${sha256}, not ${put.sha256}.`);
    }
    const { name, bytes, contentType } = put;
    const number = this.stored.size + 1;
    const artifact = { number, name, bytes, sha256, contentType, attempt: 1, createdAt: new Date().toISOString() };
    this.stored.set(name, artifact);
    return artifact;
  }

  /** The name is checked by the sidecar: it never leads out of the folder. */
  private pathOf(name: string): string {
    return join(this.folder, ...name.split("/"));
  }
}

function refuseRequest(response: ServerResponse, error: unknown): void {
  // Whoever has every byte of a file may leave before its stream has ended.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const known = error instanceof AppError ? error : new AppError("internal", errorText(error), { cause: error });
  response.writeHead(known.status, { "content-type": "application/problem+json" });
  response.end(JSON.stringify(toProblem(known, "local")));
}
