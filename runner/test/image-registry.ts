/**
 * A registry of container images on loopback, as much of its HTTP interface (version 2) as a pull needs. The Docker
 * Engine speaks plain HTTP with 127.0.0.1. Images are put together here; one of them can be made to fail.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG = "application/vnd.docker.container.image.v1+json";
const LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";

export interface RegistryImage {
  readonly architecture: string;
  /** Layers as tar archives. */
  readonly layers: readonly Buffer[];
  readonly config?: object;
  /** Who may have it; everyone by default. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Its layers are begun and never go on. */
  readonly stuck?: boolean;
}

export class ImageRegistry {
  readonly host: string;
  private readonly server: Server;
  private readonly images = new Map<string, RegistryImage>();
  private readonly blobs = new Map<string, { readonly bytes: Buffer; readonly stuck: boolean }>();

  private constructor(server: Server) {
    this.server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => this.answer(request, response));
  }

  static async start(): Promise<ImageRegistry> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new ImageRegistry(server);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Returns its whole reference. */
  put(name: string, image: RegistryImage): string {
    this.images.set(name, image);
    return `${this.host}/${name}:1`;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const [, name, kind, reference] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(request.url ?? "") ?? [];
    const image = name === undefined ? undefined : this.images.get(name);
    if (name === undefined) {
      this.ping(request, response);
    } else if (image === undefined || (kind === "manifests" && reference !== "1" && !this.blobs.has(reference ?? ""))) {
      refuse(response, 404, "MANIFEST_UNKNOWN", "manifest unknown");
    } else if (image.user !== undefined && !isUser(request, image.user)) {
      response.setHeader("www-authenticate", 'Basic realm="test"');
      refuse(response, 401, "UNAUTHORIZED", "authentication required");
    } else if (kind === "manifests") {
      this.send(request, response, this.manifestOf(image), MANIFEST, false);
    } else {
      const blob = this.blobs.get(reference ?? "");
      this.send(request, response, blob?.bytes ?? Buffer.alloc(0), "application/octet-stream", blob?.stuck === true);
    }
  }

  private ping(request: IncomingMessage, response: ServerResponse): void {
    // Docker finds out here how it has to prove itself, for all images of the registry.
    const closed = [...this.images.values()].some(({ user }) => user !== undefined);
    if (closed && request.headers.authorization === undefined) {
      response.setHeader("www-authenticate", 'Basic realm="test"');
      refuse(response, 401, "UNAUTHORIZED", "authentication required");
      return;
    }
    response.setHeader("docker-distribution-api-version", "registry/2.0").end("{}");
  }

  private manifestOf({ layers, architecture, config = {}, stuck = false }: RegistryImage): Buffer {
    const diffs = layers.map((layer) => digestOf(layer));
    const packed = layers.map((layer) => gzip(layer));
    const image = Buffer.from(
      JSON.stringify({ architecture, os: "linux", config, rootfs: { type: "layers", diff_ids: diffs } }),
    );
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: { mediaType: CONFIG, size: image.length, digest: this.keep(image, false) },
        layers: packed.map((layer) => ({ mediaType: LAYER, size: layer.length, digest: this.keep(layer, stuck) })),
      }),
    );
    this.keep(manifest, false);
    return manifest;
  }

  private keep(bytes: Buffer, stuck: boolean): string {
    const digest = digestOf(bytes);
    this.blobs.set(digest, { bytes, stuck });
    return digest;
  }

  private send(request: IncomingMessage, response: ServerResponse, bytes: Buffer, type: string, stuck: boolean): void {
    response.writeHead(200, {
      "content-type": type,
      "content-length": bytes.length,
      "docker-content-digest": digestOf(bytes),
    });
    if (request.method === "HEAD") {
      response.end();
    } else if (stuck) {
      response.write(bytes.subarray(0, 16));
    } else {
      response.end(bytes);
    }
  }
}

/** The layers of an image that is on this machine. */
export function layersOf(image: string): Buffer[] {
  const folder = mkdtempSync(join(tmpdir(), "cronium-registry-"));
  try {
    execFileSync("sh", ["-c", 'docker save "$1" | tar -x -C "$2"', "sh", image, folder]);
    const [manifest] = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as { Layers: string[] }[];
    return (manifest?.Layers ?? []).map((layer) => readFileSync(join(folder, layer)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

function isUser({ headers }: IncomingMessage, { name, password }: NonNullable<RegistryImage["user"]>): boolean {
  return headers.authorization === `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function gzip(bytes: Buffer): Buffer {
  // Level 0: what is packed here is unpacked on the same machine.
  return gzipSync(bytes, { level: 0 });
}
