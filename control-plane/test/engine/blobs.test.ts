import { env } from "cloudflare:workers";
import { describe, test } from "vitest";
import type { BlobPart } from "../../src/domain/ports.ts";
import { blobStore, diskBlobs, r2Blobs, readAll } from "../../src/store/blobs.ts";

const { BLOBS, TEST_DISK } = env as unknown as { BLOBS: R2Bucket; TEST_DISK: Fetcher };

const stores = { R2: r2Blobs(BLOBS), disk: diskBlobs(TEST_DISK) };

function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) {
        controller.enqueue(chunk);
      }
      controller.close();
    },
  });
}

for (const [name, store] of Object.entries(stores)) {
  describe(`blobs in ${name}`, () => {
    const bytes = new Uint8Array([0, 255, 10, 13]);

    test("come back byte for byte with their size", async ({ expect }) => {
      await store.put("logs/ws_1/run_1", bytes);
      const blob = await store.get("logs/ws_1/run_1");
      expect(blob?.sizeBytes).toBe(4);
      expect(blob === null ? null : await readAll(blob)).toEqual(bytes);
    });

    test("are written from a stream", async ({ expect }) => {
      const large = new Uint8Array(300_000).fill(7);
      await store.put("logs/ws_1/large", { stream: streamOf(large, bytes), sizeBytes: 300_004 });
      const blob = await store.get("logs/ws_1/large");
      expect(blob === null ? 0 : (await readAll(blob)).length).toBe(300_004);
    });

    test("are read in parts, with the size of the whole", async ({ expect }) => {
      await store.put("parts", new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]));
      const read = async (part: BlobPart) => {
        const blob = await store.get("parts", part);
        return blob === null ? null : { bytes: [...(await readAll(blob))], sizeBytes: blob.sizeBytes };
      };
      expect(await read({ from: 2, bytes: 3 })).toEqual({ bytes: [2, 3, 4], sizeBytes: 8 });
      expect(await read({ last: 2 })).toEqual({ bytes: [6, 7], sizeBytes: 8 });
      expect(await read({ last: 100 })).toEqual({ bytes: [0, 1, 2, 3, 4, 5, 6, 7], sizeBytes: 8 });
      expect(await read({ from: 6, bytes: 100 })).toEqual({ bytes: [6, 7], sizeBytes: 8 });
      expect(await store.get("no-parts", { last: 2 })).toBeNull();
    });

    test("are replaced as a whole", async ({ expect }) => {
      await store.put("a", new Uint8Array(10));
      await store.put("a", bytes);
      const blob = await store.get("a");
      expect(blob === null ? null : await readAll(blob)).toEqual(bytes);
    });

    test("that do not exist are null, folders too, and deleting them is no error", async ({ expect }) => {
      await store.put("folder/file", bytes);
      expect(await store.get("nothing")).toBeNull();
      expect(await store.get("folder")).toBeNull();
      await store.delete("nothing");
      await store.delete("folder/file");
      expect(await store.get("folder/file")).toBeNull();
    });

    test("have plain keys that cannot climb", async ({ expect }) => {
      for (const key of ["../x", "a/../b", "/a", "a/", "a//b", "a b", "%2e%2e/x", "", "."]) {
        await expect(store.put(key, bytes), key).rejects.toThrow("cannot be the key");
        await expect(store.get(key), key).rejects.toThrow("cannot be the key");
        await expect(store.delete(key), key).rejects.toThrow("cannot be the key");
      }
    });
  });
}

test("the binding decides where blobs go, and none is a fault", ({ expect }) => {
  expect(() => blobStore({})).toThrow("No place for blobs");
  expect(blobStore({ BLOBS })).toBeDefined();
  expect(blobStore({ BLOBS_DISK: TEST_DISK })).toBeDefined();
});
