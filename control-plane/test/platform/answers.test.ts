import { createScheduledController } from "cloudflare:test";
import { beforeAll, test, vi } from "vitest";
import handler from "../../src/worker.ts";
import { send, setUp, testEnv, type Setup } from "./installation.ts";

let plane: Setup;
beforeAll(async () => {
  plane = await setUp();
});

test("every answer forbids sniffing, framing and other origins, and names its request", async ({ expect }) => {
  const answers = [
    await send("GET", "/health"),
    await send("GET", "/ready"),
    await send("GET", "/api/v1/me", { key: plane.apiKey }),
    await send("GET", "/api/v1/me"),
    await send("GET", "/api/v1/nothing"),
    await send("GET", "/"),
    await send("GET", "/events/new"),
    await send("HEAD", "/health"),
    await send("GET", "/api/v1/openapi.json"),
  ];
  const requestIds = answers.map(({ headers }) => headers.get("x-request-id"));
  expect(new Set(requestIds).size).toBe(answers.length);
  for (const { headers, url } of answers) {
    expect(headers.get("x-content-type-options"), url).toBe("nosniff");
    expect(headers.get("referrer-policy"), url).toBe("no-referrer");
    expect(headers.get("content-security-policy"), url).toContain("frame-ancestors 'none'");
    expect(headers.get("content-security-policy"), url).not.toContain("unsafe");
    expect(
      [...headers.keys()].filter((name) => name.startsWith("access-control-")),
      url,
    ).toEqual([]);
  }
});

test("T15 pages may load from this installation alone and run nothing inline", async ({ expect }) => {
  const page = await send("GET", "/runs/run_x");
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toMatch(/^text\/html/);
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy.split("; ")).toEqual(
    expect.arrayContaining(["default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'"]),
  );
  const data = await send("GET", "/api/v1/openapi.json");
  expect(data.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(data.headers.get("content-security-policy")).toContain("sandbox");
});

test("only an encrypted connection promises to stay one", async ({ expect }) => {
  const plain = await send("GET", "/health");
  const encrypted = await send("GET", "/health", { origin: "https://plane.test" });
  expect(plain.headers.get("strict-transport-security")).toBeNull();
  expect(encrypted.headers.get("strict-transport-security")).toBe("max-age=31536000");
});

test("hashed files may be kept for good, pages may not, and a missing file is no page", async ({ expect }) => {
  const page = await send("GET", "/");
  expect(page.headers.get("cache-control")).toBe("no-cache");
  const script = /\/assets\/[^"]+\.js/.exec(await page.text())?.[0] ?? "none";
  const asset = await send("GET", script);
  expect([asset.status, asset.headers.get("cache-control")]).toEqual([200, "public, max-age=31536000, immutable"]);
  expect(asset.headers.get("content-type")).toMatch(/^text\/javascript/);
  await asset.body?.cancel();
  expect((await send("GET", "/assets/gone-123.js")).status).toBe(404);
});

test("runner, command line program and SDKs can be installed from here", async ({ expect }) => {
  for (const name of ["cronium-runner.tgz", "cronium.tgz", "cronium-sdk.tgz", "cronium-0.1.0.tar.gz"]) {
    const file = await send("GET", `/install/${name}`);
    expect([file.status, file.headers.get("content-type")], name).toEqual([200, "application/gzip"]);
    const bytes = new Uint8Array(await file.arrayBuffer());
    expect([bytes[0], bytes[1]], name).toEqual([0x1f, 0x8b]);
  }
  const wheel = await send("GET", "/install/cronium-0.1.0-py3-none-any.whl");
  expect([wheel.status, (await wheel.text()).slice(0, 2)]).toEqual([200, "PK"]);
  expect(await (await send("GET", "/install/cronium.sh")).text()).toMatch(/^#.*\n/);
  const other = await send("GET", "/install/cronium-9.9.9-py3-none-any.whl");
  expect([other.status, (await other.json<{ code: string }>()).code]).toEqual([503, "not_available"]);
});

test("the OpenAPI document lists the routes that scripts rely on", async ({ expect }) => {
  const response = await send("GET", "/api/v1/openapi.json");
  const document = await response.json<{ openapi: string; paths: Record<string, object> }>();
  expect(document.openapi).toBe("3.1.0");
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(routes).toEqual(
    expect.arrayContaining([
      "POST /api/v1/events",
      "POST /api/v1/events/{id}/runs",
      "POST /api/v1/runs",
      "GET /api/v1/runs/{id}",
      "GET /api/v1/runs/{id}/logs",
      "POST /api/v1/runs/{id}/cancel",
      "POST /api/v1/registration-tokens",
      "GET /api/v1/runners",
      "POST /api/v1/claim",
      "GET /api/v1/me",
      "POST /api/v1/runner/register",
    ]),
  );
  expect(routes.filter((route) => route.includes("/launcher"))).toEqual([]);
});

test("setting up again changes nothing, and is only for the launcher", async ({ expect }) => {
  const again = await setUp(plane.apiKey);
  expect(again).toMatchObject({ workspaceId: plane.workspaceId, apiKey: plane.apiKey, migrated: [] });
  for (const key of [undefined, plane.apiKey, "", `${testEnv.LAUNCHER_KEY}x`]) {
    const response = await send("POST", "/launcher/setup", {
      body: { apiKey: null },
      ...(key === undefined ? {} : { key }),
    });
    expect(response.status, key).toBe(404);
  }
});

test("the watchdog reaches the Dispatcher of every workspace", async ({ expect }) => {
  const response = await send("POST", "/launcher/watchdog", { body: {}, key: testEnv.LAUNCHER_KEY });
  expect(await response.json()).toEqual({ poked: 1 });
});

test("hosted, the cron trigger does the same", async ({ expect }) => {
  const lines: string[] = [];
  const spy = vi.spyOn(console, "error").mockImplementation((line: string) => void lines.push(line));
  await handler.scheduled(createScheduledController(), testEnv);
  spy.mockRestore();
  expect(lines).toEqual([]);
});
