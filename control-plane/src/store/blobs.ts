/**
 * Blobs: R2 hosted, a disk service embedded. One contract test runs against both.
 *
 * The disk service of workerd answers a folder's path with a listing of it, so only regular files count as blobs, and a
 * key never ends in a slash or climbs.
 */
import type { BlobBody, BlobPart, BlobStore } from "../domain/ports.ts";

const KEY = /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/;

/** Throws when neither binding exists. */
export function blobStore(env: { readonly BLOBS?: R2Bucket; readonly BLOBS_DISK?: Fetcher }): BlobStore {
  if (env.BLOBS_DISK !== undefined) {
    return diskBlobs(env.BLOBS_DISK);
  }
  if (env.BLOBS !== undefined) {
    return r2Blobs(env.BLOBS);
  }
  throw new Error("No place for blobs: bind the R2 bucket BLOBS, or the disk service BLOBS_DISK.");
}

export function r2Blobs(bucket: R2Bucket): BlobStore {
  return {
    async put(key, body) {
      checkKey(key);
      if (body instanceof Uint8Array) {
        await bucket.put(key, body);
        return;
      }
      // R2 wants to know the length of a stream beforehand.
      const sized = new FixedLengthStream(body.sizeBytes);
      await Promise.all([bucket.put(key, sized.readable), body.stream.pipeTo(sized.writable)]);
    },
    async get(key, part) {
      checkKey(key);
      const object = await bucket.get(key, part === undefined ? {} : { range: r2Range(part) });
      return object === null ? null : { stream: object.body, sizeBytes: object.size };
    },
    async delete(key) {
      checkKey(key);
      await bucket.delete(key);
    },
  };
}

export function diskBlobs(disk: Pick<Fetcher, "fetch">): BlobStore {
  const url = (key: string): string => `http://disk/${key}`;
  return {
    async put(key, body) {
      checkKey(key);
      const response = await disk.fetch(url(key), {
        method: "PUT",
        body: body instanceof Uint8Array ? body : body.stream,
      });
      await expectOk(response, `write ${key}`);
    },
    async get(key, part) {
      checkKey(key);
      const response = await disk.fetch(url(key), part === undefined ? {} : { headers: { range: httpRange(part) } });
      if (response.status === 404) {
        await response.body?.cancel();
        return null;
      }
      if (response.headers.get("content-type")?.includes("json") === true) {
        await response.body?.cancel();
        return null;
      }
      if (!response.ok || response.body === null) {
        await expectOk(response, `read ${key}`);
        return null;
      }
      return {
        stream: response.body,
        sizeBytes: Number(sizeIn(response.headers) ?? 0),
      };
    },
    async delete(key) {
      checkKey(key);
      const response = await disk.fetch(url(key), { method: "DELETE" });
      if (response.status !== 404) {
        await expectOk(response, `delete ${key}`);
      }
    },
  };
}

function r2Range(part: BlobPart): R2Range {
  return "last" in part ? { suffix: part.last } : { offset: part.from, length: part.bytes };
}

function httpRange(part: BlobPart): string {
  return "last" in part ? `bytes=-${part.last}` : `bytes=${part.from}-${part.from + part.bytes - 1}`;
}

/** Of the whole file: what a range was cut from, else what is sent. */
function sizeIn(headers: Headers): string | undefined {
  return headers.get("content-range")?.split("/")[1] ?? headers.get("content-length") ?? undefined;
}

/** The whole of a small blob. */
export async function readAll(body: BlobBody): Promise<Uint8Array> {
  return new Uint8Array(await new Response(body.stream).arrayBuffer());
}

function checkKey(key: string): void {
  if (!KEY.test(key) || key.split("/").includes("..") || key.split("/").includes(".")) {
    throw new Error(`"${key}" cannot be the key of a blob`);
  }
}

async function expectOk(response: Response, what: string): Promise<void> {
  await response.body?.cancel();
  if (!response.ok) {
    throw new Error(`The disk service could not ${what}: status ${response.status}`);
  }
}
