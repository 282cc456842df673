/** Turns zod's issues into the field errors of a problem answer. */
import { AppError, type ErrorCode, type FieldError } from "@cronium/protocol/errors";
import type { Context } from "hono";
import * as z from "zod";
import type { AppEnv } from "../context.ts";

/** Finds the schema of a route's body, where fields may name an error code of their own by `.meta({ code })`. */
export type BodySchemaOf = (c: Context<AppEnv>) => z.core.$ZodType | undefined;

interface ValidationResult {
  readonly target: string;
  readonly success: boolean;
  readonly error?: { readonly issues: readonly z.core.$ZodIssue[] };
}

/** The hook that zod-openapi calls after each validation; it throws when the input is refused. */
export function validationHook(bodySchemaOf: BodySchemaOf) {
  return (result: ValidationResult, c: Context<AppEnv>): void => {
    // Where a body may be left out this is not called for one that is. Nothing is not the same as an empty object.
    if (result.target === "json" && c.get("bodyBytes").byteLength === 0) {
      throw new AppError("body_required", "The request has no body, and this route needs one.");
    }
    if (result.success || result.error === undefined) {
      return;
    }
    const schema = result.target === "json" ? bodySchemaOf(c) : undefined;
    const errors = result.error.issues.flatMap((issue) => fieldErrors(issue, result.target, schema));
    throw refusal(errors);
  };
}

/** One refusal for several wrong fields: the first gives the code, and all are listed. */
export function refusal(errors: readonly FieldError[]): AppError {
  const [first, ...more] = errors;
  if (first === undefined) {
    return new AppError("invalid_value", "The request is not valid.");
  }
  const where = first.pointer === "" ? "The body" : first.pointer;
  const rest = more.length === 0 ? "" : ` ${more.length} more ${more.length === 1 ? "error is" : "errors are"} listed.`;
  return new AppError(first.code, `${where} ${first.message}.${rest}`, { errors });
}

export function fieldErrors(
  issue: z.core.$ZodIssue,
  target: string,
  schema: z.core.$ZodType | undefined,
): FieldError[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      pointer: pointer(target, [...issue.path, key]),
      code: "unknown_field",
      message: "is not a known field",
    }));
  }
  const code = issueCode(issue, target, schema);
  return [{ pointer: pointer(target, issue.path), code, message: message(issue) + range(issue, schema) }];
}

/** Of a number that was refused: what may be sent instead. */
function range(issue: z.core.$ZodIssue, schema: z.core.$ZodType | undefined): string {
  if (!["invalid_type", "too_small", "too_big"].includes(issue.code) || schema === undefined) {
    return "";
  }
  const number = schemasAt(schema, issue.path).find((at) => at instanceof z.ZodNumber);
  const limits = [number?.minValue, number?.maxValue];
  return limits.every(Number.isSafeInteger) ? `; allowed are ${limits.join(" to ")}` : "";
}

function pointer(target: string, path: readonly PropertyKey[]): string {
  const parts = path.map(String);
  if (target === "json") {
    return parts.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  }
  return `${target === "param" ? "path" : target}.${parts.join(".")}`;
}

const issueCodes = {
  invalid_type: "invalid_type",
  too_big: "out_of_range",
  too_small: "out_of_range",
  not_multiple_of: "out_of_range",
  invalid_format: "invalid_value",
  invalid_union: "invalid_type",
  invalid_key: "invalid_value",
  invalid_element: "invalid_value",
  invalid_value: "invalid_value",
  unrecognized_keys: "unknown_field",
  custom: "invalid_value",
} as const satisfies Record<z.core.$ZodIssue["code"], ErrorCode>;

const queryCodes: Readonly<Record<string, ErrorCode>> = {
  cursor: "invalid_cursor",
  limit: "invalid_limit",
};

function issueCode(issue: z.core.$ZodIssue, target: string, schema: z.core.$ZodType | undefined): ErrorCode {
  if (target === "param") {
    return "invalid_id";
  }
  if (target === "query") {
    return queryCodes[String(issue.path[0])] ?? issueCodes[issue.code];
  }
  if (issue.code === "custom" && typeof issue.params?.["code"] === "string") {
    return issue.params["code"] as ErrorCode;
  }
  if (issue.code !== "invalid_type") {
    const own = schema === undefined ? undefined : metaCode(schema, issue.path);
    if (own !== undefined) {
      return own;
    }
  }
  return issueCodes[issue.code];
}

function message(issue: z.core.$ZodIssue): string {
  const missing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
  if (missing) {
    return "is required";
  }
  const text = issue.message.replace(/^Invalid (?:input|option|type): /, "");
  return text.replace(/\.$/, "");
}

/** The code that the schema at this path, or a wrapper around it, carries in its metadata. */
function metaCode(schema: z.core.$ZodType, path: readonly PropertyKey[]): ErrorCode | undefined {
  const codes = schemasAt(schema, path).map((at): unknown => z.globalRegistry.get(at)?.["code"]);
  return codes.find((code) => typeof code === "string") as ErrorCode | undefined;
}

/** The schema at this path and its wrappers, outermost first; empty where the path leads nowhere. */
function schemasAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType[] {
  const found: z.core.$ZodType[] = [];
  let at: z.core.$ZodType | undefined = schema;
  let rest = path;
  while (at !== undefined) {
    if (rest.length === 0) {
      found.push(at);
    }
    const def: Readonly<Record<string, unknown>> = at._zod.def as never;
    if (isSchema(def["innerType"])) {
      at = def["innerType"];
    } else if (isSchema(def["in"])) {
      at = def["in"];
    } else {
      const [head, ...tail] = rest;
      if (head === undefined) {
        return found;
      }
      const shape = def["shape"] as Readonly<Record<PropertyKey, unknown>> | undefined;
      const next = shape === undefined ? (def["element"] ?? def["valueType"]) : shape[head];
      at = isSchema(next) ? next : undefined;
      rest = tail;
    }
  }
  return found;
}

function isSchema(value: unknown): value is z.core.$ZodType {
  return typeof value === "object" && value !== null && "_zod" in value;
}
