import { makeToken } from "@cronium/protocol/token";
import { afterEach, test, vi } from "vitest";
import { consoleLog } from "./log.ts";

afterEach(() => vi.restoreAllMocks());

function lines(level: "info" | "error"): string[] {
  const written: string[] = [];
  vi.spyOn(console, level).mockImplementation((line: string) => void written.push(line));
  return written;
}

test("a line is one JSON object with the fields of its logger", ({ expect }) => {
  const written = lines("info");
  consoleLog({ now: () => 0 })
    .child({ workspaceId: "ws_a" })
    .info("run.dispatched", { runId: "run_a", text: "a\nb" });
  expect(written).toHaveLength(1);
  expect(written[0]).not.toContain("\n");
  expect(JSON.parse(written[0] ?? "")).toEqual({
    at: "1970-01-01T00:00:00.000Z",
    level: "info",
    event: "run.dispatched",
    workspaceId: "ws_a",
    runId: "run_a",
    text: "a\nb",
  });
});

test("no token of any kind reaches the log, wherever it stands", ({ expect }) => {
  const written = lines("error");
  const random = new Uint8Array(32).fill(7);
  const tokens = [
    makeToken("apiKey", random),
    makeToken("claim", random),
    makeToken("registration", random, "http://a.b"),
  ];
  for (const token of tokens) {
    consoleLog({ now: () => 0 }).error("request.failed", { error: `wrong: "${token}" at line 1`, token });
  }
  for (const [index, token] of tokens.entries()) {
    expect(written[index]).not.toContain(token.slice(5));
    expect(written[index]).toContain(`${token.slice(0, 5)}…`);
  }
});
