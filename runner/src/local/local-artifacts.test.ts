import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import { LocalArtifacts } from "./local-artifacts.ts";

let folder: string;
let artifacts: LocalArtifacts;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-local-"));
  artifacts = new LocalArtifacts(folder);
});
afterEach(() => {
  artifacts.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a reader that leaves before the end of a file disturbs nobody else", async ({ expect }) => {
  const bytes = Buffer.alloc(4_000_000, "x");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const url = await artifacts.open();
  const put = { name: "big", bytes: bytes.length, sha256, contentType: "text/plain" };
  const expected = artifacts.expect(put as Parameters<LocalArtifacts["expect"]>[0]);
  const to = "token" in expected ? (expected.token ?? "") : "";
  const stored = await fetch(url, { method: "PUT", headers: { authorization: `Bearer ${to}` }, body: bytes });
  const ticket = artifacts.ticket("big");
  const headers = { authorization: `Bearer ${"token" in ticket ? (ticket.token ?? "") : ""}` };
  await new Promise<void>((resolve) => {
    const request = get(url, { headers }, (response) => {
      response.once("data", () => request.destroy());
      response.on("error", () => {});
      response.once("close", () => resolve());
    });
    request.on("error", () => {});
  });
  const again = await fetch(url, { headers });

  expect(stored.status).toBe(201);
  expect((await again.arrayBuffer()).byteLength).toBe(bytes.length);
});
