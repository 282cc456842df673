/** Artifacts: files that a run leaves. Sent and received as streams, checked by SHA-256. */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { ArtifactTooLargeError, ChecksumMismatchError } from "./errors.ts";
import { requireRun } from "./run.ts";
import { callRuntime, exchangeWith } from "./transport.ts";

// As methods, so that a script that saves nothing loads nothing.
const node = {
  crypto: () => process.getBuiltinModule("node:crypto"),
  fs: () => process.getBuiltinModule("node:fs"),
  path: () => process.getBuiltinModule("node:path"),
  streams: () => process.getBuiltinModule("node:stream/promises"),
};

const MAX_ARTIFACT_BYTES = 268_435_456;

export interface Artifact {
  name: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

export interface SaveArtifactOptions {
  /** By default the name of the file; required for a stream or bytes. */
  name?: string;
  /** `application/octet-stream` by default. */
  contentType?: string;
}

/**
 * Keeps a file, bytes or a stream with this run. Saving the same content again is no error, other content under the
 * same name rejects with `ArtifactExistsError`. A stream goes through a temporary file, so that it can be sent again.
 */
export async function saveArtifact(
  source: string | URL | Uint8Array | Readable,
  options: SaveArtifactOptions = {},
): Promise<Artifact> {
  if (typeof source === "string" || source instanceof URL) {
    const path = typeof source === "string" ? source : process.getBuiltinModule("node:url").fileURLToPath(source);
    return saveFile(path, { name: node.path().basename(path), ...options });
  }
  const folder = node
    .fs()
    .mkdtempSync(node.path().join(process.getBuiltinModule("node:os").tmpdir(), "cronium-artifact-"));
  try {
    const path = node.path().join(folder, "content");
    if (source instanceof Uint8Array) {
      node.fs().writeFileSync(path, source);
    } else {
      await node.streams().pipeline(source, node.fs().createWriteStream(path));
    }
    return await saveFile(path, { name: "", ...options });
  } finally {
    node.fs().rmSync(folder, { recursive: true, force: true });
  }
}

async function saveFile(path: string, options: { name: string; contentType?: string }): Promise<Artifact> {
  const { size } = node.fs().statSync(path);
  if (size > MAX_ARTIFACT_BYTES) {
    throw new ArtifactTooLargeError(`"${path}" is ${size} bytes; an artifact has at most ${MAX_ARTIFACT_BYTES}`);
  }
  const hash = node.crypto().createHash("sha256");
  let bytes = 0;
  for await (const chunk of node.fs().createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const text = await callRuntime(requireRun(), {
    method: "POST",
    name: `artifacts?name=${encodeURIComponent(options.name)}`,
    headers: {
      "content-type": options.contentType ?? "application/octet-stream",
      "cronium-sha256": hash.digest("hex"),
    },
    body: () => node.fs().createReadStream(path),
    bytes,
  });
  return JSON.parse(text) as Artifact;
}

/** Writes an artifact of this run into a file, whole or not at all. Rejects with `NotFoundError`. */
export async function loadArtifact(name: string, path: string): Promise<void> {
  const part = `${path}.${node.crypto().randomUUID()}`;
  try {
    await exchangeWith(requireRun(), callFor(name), async (response, alive) => {
      await node.streams().pipeline(checked(name, response, alive), node.fs().createWriteStream(part));
    });
    node.fs().renameSync(part, path);
  } finally {
    node.fs().rmSync(part, { force: true });
  }
}

/**
 * An artifact of this run as a stream, which ends with `ChecksumMismatchError` where what came is not what was saved.
 * Rejects with `NotFoundError`.
 */
export async function readArtifact(name: string): Promise<Readable> {
  const { Readable: NodeReadable } = process.getBuiltinModule("node:stream");
  const { value } = await exchangeWith(requireRun(), callFor(name), (response) =>
    Promise.resolve(
      NodeReadable.from(
        checked(name, response, () => {}),
        { objectMode: false },
      ),
    ),
  );
  return value;
}

/** The artifacts of this run. */
export async function listArtifacts(): Promise<Artifact[]> {
  const { items } = JSON.parse(await callRuntime(requireRun(), { method: "GET", name: "artifacts" })) as {
    items: Artifact[];
  };
  return items;
}

function callFor(name: string): { method: "GET"; name: string } {
  return { method: "GET", name: `artifacts/${encodeURIComponent(name)}` };
}

async function* checked(name: string, response: IncomingMessage, alive: () => void): AsyncGenerator<Buffer> {
  const hash = node.crypto().createHash("sha256");
  for await (const chunk of response as AsyncIterable<Buffer>) {
    alive();
    hash.update(chunk);
    yield chunk;
  }
  const digest = hash.digest("hex");
  const expected = response.headers["cronium-sha256"];
  if (expected !== undefined && expected !== digest) {
    throw new ChecksumMismatchError(`The artifact "${name}" arrived with SHA-256 ${digest}, not ${String(expected)}`);
  }
}
