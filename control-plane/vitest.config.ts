/** Tests of the Worker: real D1, Durable Objects and sockets inside workerd. */
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { join } from "node:path";
import { defineProject } from "vitest/config";

const root = join(import.meta.dirname, "..");

export default defineProject({
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: join(root, "wrangler.toml") },
      miniflare: {
        // Tests apply these with applyD1Migrations(env.DB, env.TEST_MIGRATIONS).
        bindings: { TEST_MIGRATIONS: await readD1Migrations(join(root, "migrations")) },
      },
    })),
  ],
  test: {
    name: "worker",
    root: import.meta.dirname,
    include: ["test/**/*.test.ts"],
    exclude: ["test/launcher/**", "**/node_modules/**"],
    testTimeout: 20_000,
  },
});
