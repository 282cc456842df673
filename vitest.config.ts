/**
 * All tests that Vitest runs, one project per layer and package; `npm test` picks among them.
 * Run one project by hand with `npx vitest run --project <name> [file]`.
 */
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

/** Tests beside the source: pure code and tables, in Node. */
function unit(name: string, folders: readonly string[]): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include: folders.map((folder) => `${folder}/**/*.test.{ts,tsx}`),
      environment: "node",
      // A busy machine must not fail a test: deadlines only end what hangs.
      testTimeout: 120_000,
    },
  };
}

/** Programs that tests start inherit this and report which lines they reached (script/test/v8-coverage.ts). */
const childCoverage = process.env["CRONIUM_CHILD_COVERAGE"];

/** Tests that start programs, containers or a browser: one file at a time, long deadlines. */
function slow(
  name: string,
  include: readonly string[],
  exclude: readonly string[] = [],
  testTimeout = 300_000,
): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include: [...include],
      exclude: ["**/node_modules/**", ...exclude],
      environment: "node",
      env: childCoverage === undefined ? {} : { NODE_V8_COVERAGE: childCoverage },
      fileParallelism: false,
      testTimeout,
      hookTimeout: 300_000,
      // Real engines and browsers hiccup on a busy machine. A second try that passes is reported as flaky, by name and
      // with its first error; a defect fails twice.
      retry: 1,
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      unit("protocol", ["protocol/src", "protocol/test"]),
      unit("control-plane", ["control-plane/src", "control-plane/launcher"]),
      slow("launcher", ["control-plane/test/launcher/**/*.test.ts"]),
      "control-plane/vitest.config.ts",
      unit("runner", ["runner/src"]),
      unit("cli", ["cli/src"]),
      unit("sdk-node", ["runtime-sdk/node/src"]),
      unit("web", ["web/src"]),
      unit("script", ["script", "images", "bench"]),
      // A hundred seeds of processor time: on a machine that does other work too they take minutes.
      slow("simulation", ["simulation/**/*.test.ts"], [], 600_000),
      slow("conformance", ["runtime-sdk/conformance/**/*.test.ts"]),
      slow("executor", ["runner/test/**/*.test.ts"], ["runner/test/system/**"]),
      slow("cli-system", ["cli/test/**/*.test.ts"]),
      slow("system", ["runner/test/system/**/*.test.ts"]),
      // One test looks at every page.
      slow("e2e", ["web/test/e2e/**/*.test.ts"], []),
    ],
    coverage: {
      provider: "istanbul",
      // The parts where a line that no test reaches is a defect waiting; pages and thin shells
      // are covered by the layers above, which run them as built programs.
      include: [
        "protocol/src/**/*.ts",
        "control-plane/src/{domain,services}/**/*.ts",
        "runner/src/**/*.ts",
        "runtime-sdk/node/src/**/*.ts",
      ],
      exclude: ["**/*.test.ts"],
      // script/test.ts adds up the reports of several runs and holds the limit.
      reporter: ["json"],
      reportOnFailure: true,
    },
  },
});
