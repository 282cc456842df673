import { describe, test } from "vitest";
import { AppError, echo, errorCodes, errorHints, errorStatus, toProblem } from "./errors.ts";

describe("the closed list of errors", () => {
  test("every code has one status and one hint, and no table has a code of its own", ({ expect }) => {
    expect(Object.keys(errorStatus).toSorted()).toEqual(errorCodes.toSorted());
    expect(Object.keys(errorHints).toSorted()).toEqual(errorCodes.toSorted());
    expect(new Set(errorCodes).size).toBe(errorCodes.length);
  });

  test("a status is an error status, and a hint a whole sentence", ({ expect }) => {
    for (const code of errorCodes) {
      expect(errorStatus[code], code).toBeGreaterThanOrEqual(400);
      expect(errorStatus[code], code).toBeLessThan(600);
      expect(errorHints[code], code).toMatch(/^[A-Z].*\.$/);
    }
  });
});

test("an error carries its code, its status, the fields and what caused it", ({ expect }) => {
  const cause = new Error("disk");
  const errors = [{ pointer: "/name", code: "invalid_name", message: "must not be empty" }] as const;
  const error = new AppError("invalid_name", "The name is empty.", { errors, context: { length: 0 }, cause });
  expect(error).toBeInstanceOf(Error);
  expect([error.status, error.cause, error.context["length"], error.errors]).toEqual([422, cause, 0, errors]);
});

test("an error without details has none", ({ expect }) => {
  const error = new AppError("not_found", "There is no such run.");
  expect([error.errors, error.context, error.cause]).toEqual([[], {}, undefined]);
});

test("a problem names code, status, hint and request, and never the cause", ({ expect }) => {
  const error = new AppError("not_found", "There is no run run_1.", { cause: new Error("secret detail") });
  const problem = toProblem(error, "req_1");
  expect(problem).toEqual({
    type: "urn:cronium:error:not_found",
    title: "not found",
    status: 404,
    code: "not_found",
    detail: "There is no run run_1.",
    hint: "Check the address and the id.",
    errors: [],
    request_id: "req_1",
  });
  expect(JSON.stringify(problem)).not.toContain("secret");
});

test("echoed input is short and holds no control character", ({ expect }) => {
  expect(echo('a"b')).toBe('"a\\"b"');
  expect(echo("\u001B[31m\n")).toBe('"\\u001b[31m\\n"');
  expect(echo("x".repeat(81))).toBe(`"${"x".repeat(79)}…"`);
});
