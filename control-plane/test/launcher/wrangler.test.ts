import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "smol-toml";
import { beforeAll, test } from "vitest";
import { workerdConfig } from "../../launcher/workerd-config.ts";
import { readWranglerFile } from "../../launcher/wrangler-file.ts";
import { buildControlPlane, ROOT } from "./plane.ts";

const WRANGLER = join(ROOT, "wrangler.toml");

const places = {
  configFolder: "/data/control-plane",
  workerBundle: "/app/worker.js",
  d1Bundle: "/app/d1.js",
  siteBundle: "/app/site.js",
  siteFolder: "/app/site",
  objectsFolder: "/data/objects",
  d1Folder: "/data/d1",
  blobsFolder: "/data/blobs",
};
const options = { places, address: "127.0.0.1:1", vars: {}, secrets: ["AUTH_SECRET"] };

/** Every name under which `wrangler.toml` binds something, found without the launcher's own reading of it. */
function boundNames(toml: unknown): string[] {
  if (Array.isArray(toml)) {
    return toml.flatMap(boundNames);
  }
  if (typeof toml !== "object" || toml === null) {
    return [];
  }
  return Object.entries(toml).flatMap(([key, value]) => {
    if (key === "vars") {
      return Object.keys(value as object);
    }
    if (key === "binding" || (key === "name" && "class_name" in toml)) {
      return [String(value)];
    }
    return boundNames(value);
  });
}

test("every binding and variable of wrangler.toml is in the derived configuration", ({ expect }) => {
  const config = workerdConfig(readWranglerFile(WRANGLER), options);
  const names = boundNames(parse(readFileSync(WRANGLER, "utf8")));
  expect(names).toEqual(expect.arrayContaining(["ASSETS", "DB", "DISPATCHER", "LOG_ROOM", "BLOBS", "LEASE_MS"]));
  for (const name of names) {
    // R2 has no counterpart in workerd: its place is a folder, bound under a name that says so.
    expect(config, name).toContain(`(name = "${name === "BLOBS" ? "BLOBS_DISK" : name}", `);
  }
});

test("every Durable Object class of wrangler.toml keeps its data in SQLite on disk", ({ expect }) => {
  const file = readWranglerFile(WRANGLER);
  const config = workerdConfig(file, options);
  for (const name of file.migrations.flatMap((migration) => migration.new_sqlite_classes)) {
    expect(config).toContain(`(className = "${name}", uniqueKey = "cronium-${name}", enableSql = true)`);
  }
  expect(config).toContain(`compatibilityDate = "${file.compatibility_date}"`);
});

test("a variable given at the start stands instead of the one in the file", ({ expect }) => {
  const config = workerdConfig(readWranglerFile(WRANGLER), { ...options, vars: { LEASE_MS: "1" } });
  expect(config.match(/"LEASE_MS"/g)).toHaveLength(1);
  expect(config).toContain('(name = "LEASE_MS", text = "1")');
});

test("quotes, backslashes and control characters stay within their text", ({ expect }) => {
  const config = workerdConfig(readWranglerFile(WRANGLER), { ...options, vars: { X: 'a"), \\ \n' } });
  expect(config).toContain('(name = "X", text = "a\\"), \\\\ \\x0a")');
});

test("a binding that only exists hosted is refused, not left out", ({ expect }) => {
  const folder = mkdtempSync(join(tmpdir(), "cronium-wrangler-"));
  try {
    const path = join(folder, "wrangler.toml");
    writeFileSync(path, `${readFileSync(WRANGLER, "utf8")}\n[[queues.producers]]\nbinding = "Q"\nqueue = "q"\n`);
    expect(() => readWranglerFile(path)).toThrow(/queues/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("wrangler can deploy it", ({ expect }) => {
  const out = mkdtempSync(join(tmpdir(), "cronium-deploy-"));
  try {
    const wrangler = join(ROOT, "node_modules/.bin/wrangler");
    const result = spawnSync(wrangler, ["deploy", "--dry-run", "--outdir", out], {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false" },
    });
    expect(result.status, result.stderr + result.stdout).toBe(0);
    expect(readdirSync(out)).toContain("worker.js");
  } finally {
    rmSync(out, { recursive: true });
  }
});

// The dry run wants the folder of the site.
beforeAll(buildControlPlane, 120_000);
