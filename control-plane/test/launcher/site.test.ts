import { request } from "node:http";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { buildControlPlane, ROOT, Workbench } from "./plane.ts";

const bench = new Workbench();
let url: string;
beforeAll(async () => {
  buildControlPlane();
  ({ url } = await bench.launch(bench.folder()).ready);
}, 180_000);
afterAll(() => bench.cleanUp());

/** Sends the path byte for byte; `fetch` would tidy it up first. */
function raw(path: string, method = "GET"): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const asked = request({ hostname, port, path, method }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", body }),
      );
    });
    asked.on("error", reject).end();
  });
}

test("files have their types, and an unchanged one is not sent again", async ({ expect }) => {
  const [script = "none"] = readdirSync(join(ROOT, "control-plane/dist/site/assets")).filter((name) =>
    name.endsWith(".js"),
  );
  const first = await fetch(`${url}/assets/${script}`);
  expect([first.status, first.headers.get("content-type")]).toEqual([200, "text/javascript; charset=utf-8"]);
  expect((await first.arrayBuffer()).byteLength).toBe(Number(first.headers.get("content-length")));
  const again = await fetch(`${url}/assets/${script}`, {
    headers: { "if-none-match": first.headers.get("etag") ?? "" },
  });
  expect([again.status, await again.text()]).toEqual([304, ""]);
  const head = await fetch(`${url}/assets/${script}`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("every address that is no file shows the dashboard, never a listing of a folder", async ({ expect }) => {
  for (const path of ["/", "/runs/run_x", "/install", "/install/", "/assets", "/fonts/"]) {
    const { status, type, body } = await raw(path);
    expect(body, path).not.toContain('"type":"file"');
    expect(type === "application/problem+json" ? 404 : status, path).toBe(status);
    if (status === 200) {
      expect([type, body.slice(0, 15).toLowerCase()], path).toEqual(["text/html; charset=utf-8", "<!doctype html>"]);
    }
  }
});

test("nothing outside the site can be reached", async ({ expect }) => {
  const climbs = [
    "/../../../../etc/passwd",
    "/..%2f..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/assets/..%5c..%5cwrangler.toml",
    "//etc/passwd",
    "/assets/%00",
    "/.hidden",
  ];
  for (const path of climbs) {
    const { status, body, type } = await raw(path);
    expect(body, path).not.toMatch(/root:|database_id/);
    expect([200, 404], path).toContain(status);
    if (status === 200) {
      expect(type, path).toBe("text/html; charset=utf-8");
    }
  }
});
