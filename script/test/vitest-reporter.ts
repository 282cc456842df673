/**
 * A Vitest reporter: prints a line per finished file and writes every test with its project, state
 * and reason as JSON to the file that CRONIUM_TEST_REPORT names.
 */
import { writeFileSync } from "node:fs";
import type { SerializedError } from "vitest";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { withoutColours } from "../command.ts";
import { failure, type Outcome } from "./outcome.ts";

export interface VitestReport {
  readonly outcomes: readonly Outcome[];
  /** Time per project: the sum over its files, of which several may run at once. */
  readonly ms: Readonly<Record<string, number>>;
}

function describeError(error: { message?: string; stack?: string; diff?: string }): string {
  const stack = (error.stack ?? error.message ?? "").split("\n");
  const own = stack.filter((line) => !line.includes("node_modules/"));
  return withoutColours([own.join("\n"), error.diff ?? ""].join("\n").trim());
}

function outcomeOf(test: TestCase): Outcome {
  const part = test.project.name;
  const name = `${test.module.relativeModuleId} > ${test.fullName}`;
  const result = test.result();
  if (result.state === "passed") {
    return { part, name, state: "passed" };
  }
  if (result.state === "failed") {
    return failure(part, name, result.errors.map(describeError).join("\n"));
  }
  if (result.state === "skipped") {
    return { part, name, state: "skipped", detail: result.note ?? "no reason given" };
  }
  return failure(part, name, "the test did not finish");
}

/** Faults outside any test: a file that cannot be loaded, a hook that throws. */
function suiteFailures(module: TestModule): Outcome[] {
  const part = module.project.name;
  const file = module.relativeModuleId;
  const own = module.errors().map((error) => failure(part, file, describeError(error)));
  const nested = [...module.children.allSuites()].flatMap((suite) =>
    suite.errors().map((error) => failure(part, `${file} > ${suite.fullName}`, describeError(error))),
  );
  return [...own, ...nested];
}

function firstMessage(test: TestCase): string {
  return withoutColours(test.result().errors?.[0]?.message ?? "no message");
}

export default class OutcomeReporter implements Reporter {
  onTestModuleEnd(module: TestModule): void {
    const tests = [...module.children.allTests()];
    const failed = tests.filter((test) => test.result().state === "failed");
    const mark = module.state() === "failed" ? "FAILED" : "ok    ";
    const ms = Math.round(module.diagnostic().duration);
    const counts = `${tests.length} tests${failed.length > 0 ? `, ${failed.length} failed` : ""}`;
    process.stdout.write(`  ${mark} ${module.project.name} ${module.relativeModuleId} (${counts}, ${ms} ms)\n`);
    for (const test of failed) {
      process.stdout.write(`         ${test.fullName}: ${firstMessage(test)}\n`);
    }
    for (const test of tests.filter((one) => one.diagnostic()?.flaky === true)) {
      process.stdout.write(`  flaky  ${test.fullName}: passed on a second try; first: ${firstMessage(test)}\n`);
    }
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const outcomes = modules.flatMap((module) => [
      ...[...module.children.allTests()].map(outcomeOf),
      ...suiteFailures(module),
    ]);
    const unhandled = errors.map((error) => failure("vitest", "unhandled error", describeError(error)));
    const file = process.env["CRONIUM_TEST_REPORT"];
    if (file !== undefined) {
      const ms: Record<string, number> = {};
      for (const module of modules) {
        const name = module.project.name;
        ms[name] = (ms[name] ?? 0) + module.diagnostic().duration;
      }
      const report: VitestReport = { outcomes: [...outcomes, ...unhandled], ms };
      writeFileSync(file, JSON.stringify(report));
    }
  }
}
