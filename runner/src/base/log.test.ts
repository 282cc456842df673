import { describe, test } from "vitest";
import { errorText, makeLog } from "./log.ts";

function capture(format: "json" | "text", level: "debug" | "warn" = "debug") {
  const lines: string[] = [];
  return { lines, log: makeLog({ format, level, write: (line) => lines.push(line), now: () => 0 }) };
}

describe("the runner's own log", () => {
  test("writes one JSON line with the fields of its parents", ({ expect }) => {
    const { lines, log } = capture("json");

    log.child({ runId: "run_1" }).info("run.started", { ms: 3 });

    expect(JSON.parse(lines[0] ?? "")).toEqual({
      at: "1970-01-01T00:00:00.000Z",
      level: "info",
      event: "run.started",
      runId: "run_1",
      ms: 3,
    });
  });

  test("writes plain text for a terminal and quotes what needs it", ({ expect }) => {
    const { lines, log } = capture("text");

    log.warn("docker.down", { problem: "no answer", tries: 2, none: undefined });

    expect(lines).toEqual(['00:00:00.000 WARN  docker.down problem="no answer" tries=2']);
  });

  test("leaves out what is below its level", ({ expect }) => {
    const { lines, log } = capture("json", "warn");

    log.info("quiet");
    log.error("loud");

    expect(lines).toHaveLength(1);
  });

  test("hides tokens by their form and registered values, also inside errors", ({ expect }) => {
    const { lines, log } = capture("json");
    log.redactor.add("a-secret-value");

    log.error("x", {
      token: "crnr_aHR0cDovL3BsYW5l.0123456789012345678901234567890123456789012_0a1b2c3d",
      header: "Bearer abcdefghijkl",
      problem: new Error("refused a-secret-value"),
    });
    log.redactor.remove("a-secret-value");
    log.info("a-secret-value");

    expect(lines[0]).not.toMatch(/crnr_a|abcdefghijkl|a-secret-value/);
    expect(lines[1]).toContain("a-secret-value");
  });

  test("names an error with its causes", ({ expect }) => {
    const error = new Error("cannot connect", { cause: new Error("refused") });

    expect(errorText(error)).toBe("cannot connect: refused");
    expect(errorText("plain")).toBe("plain");
  });
});
