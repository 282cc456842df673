import { request } from "node:http";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { buildControlPlane, ROOT, Workbench } from "./plane.ts";

const bench = new Workbench();
let url: string;
beforeAll(async () => {
  buildControlPlane();
  ({ url } = await bench.launch(bench.folder()).ready);
});
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

/** Why nothing can be installed by pip here; null when it can. */
function noPip(): string | null {
  return spawnSync("python3", ["-m", "pip", "--version"]).status === 0 ? null : "this machine has no pip";
}

test("pip and npm install the SDKs from here, and they work outside a run", async (context) => {
  const { expect } = context;
  const why = noPip();
  if (why !== null) {
    context.skip(why);
  }
  const folder = mkdtempSync(join(tmpdir(), "cronium-sdks-"));
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, CRONIUM_INPUT: '{"n":1}' };
  const version = /^version = "(.+)"$/m.exec(
    readFileSync(join(ROOT, "runtime-sdk/python/pyproject.toml"), "utf8"),
  )?.[1];
  try {
    const wheel = `${url}/install/cronium-${version}-py3-none-any.whl`;
    const flags = ["--disable-pip-version-check", "install", "--no-index", "--target", join(folder, "site")];
    execFileSync("python3", ["-m", "pip", ...flags, wheel], { env, stdio: "pipe" });
    const code = "import cronium; print(cronium.input()['n'])";
    const python = execFileSync("python3", ["-c", code], { env: { ...env, PYTHONPATH: join(folder, "site") } });
    expect(python.toString()).toBe("1\n");

    const npm = ["install", "--no-audit", "--no-fund", "--cache", join(folder, "cache"), "--registry", url];
    execFileSync("npm", [...npm, `${url}/install/cronium-sdk.tgz`], { cwd: folder, env, stdio: "pipe" });
    writeFileSync(join(folder, "main.mjs"), 'import { input } from "@cronium/sdk"; console.log((await input()).n);\n');
    expect(execFileSync(process.execPath, ["main.mjs"], { cwd: folder, env }).toString()).toBe("1\n");

    writeFileSync(join(folder, "cronium.sh"), await (await fetch(`${url}/install/cronium.sh`)).text());
    const bash = execFileSync("bash", ["-c", ". ./cronium.sh; cronium_input"], { cwd: folder, env });
    expect(bash.toString().trim()).toBe('{"n":1}');
    // The pages name the version that is served.
    expect(readFileSync(join(ROOT, "docs/sdk/python.md"), "utf8")).toContain(`cronium-${version}-py3-none-any.whl`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
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
