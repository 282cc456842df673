import { AppError, toProblem } from "@cronium/protocol/errors";
import { test } from "vitest";
import { errorFromAnswer, isApiError } from "./api-error.ts";

test("a problem answer keeps code, detail, hint, request id and field errors", ({ expect }) => {
  const problem = toProblem(
    new AppError("out_of_range", "The timeout is out of range.", {
      errors: [{ pointer: "/timeoutMs", code: "out_of_range", message: "must be at least 1000" }],
    }),
    "req_1",
  );
  const error = errorFromAnswer(422, "application/problem+json", JSON.stringify(problem), null);
  expect(error).toMatchObject({
    code: "out_of_range",
    status: 422,
    message: "The timeout is out of range.",
    requestId: "req_1",
  });
  expect(error.hint).not.toBe("");
  expect(error.fieldMessage("/timeoutMs")).toBe("must be at least 1000");
  expect(error.fieldMessage("/name")).toBeUndefined();
});

test("an error inside a field is an error of the field", ({ expect }) => {
  const body = JSON.stringify({
    code: "invalid_env_name",
    errors: [{ pointer: "/env/a-b", code: "invalid_env_name", message: "must be capital" }],
  });
  expect(errorFromAnswer(422, "application/json", body, "req_2")).toMatchObject({ requestId: "req_2" });
  expect(errorFromAnswer(422, "application/json", body, null).fieldMessage("/env")).toBe("must be capital");
});

test("an answer from something else than the API says so", ({ expect }) => {
  for (const [type, body] of [
    ["text/html", "<h1>502</h1>"],
    ["application/json", "{cut"],
    ["application/json", "[]"],
    ["", ""],
  ] as const) {
    const error = errorFromAnswer(502, type, body, null);
    expect(isApiError(error, "bad_answer")).toBe(true);
    expect(error.message).toContain("502");
  }
});
