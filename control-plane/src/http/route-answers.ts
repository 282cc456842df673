/** The answers of a route as the OpenAPI document describes them. */
import { errorStatus, type ErrorCode } from "@cronium/protocol/errors";
import * as z from "zod";

const ProblemBody = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    hint: z.string(),
    errors: z.array(z.strictObject({ pointer: z.string(), code: z.string(), message: z.string() })),
    request_id: z.string(),
  })
  .meta({ id: "Problem" });

/** One answer with a JSON body. */
export function jsonAnswer<T extends z.ZodType>(schema: T, description: string) {
  return { content: { "application/json": { schema } }, description };
}

/** The problem answers that a route gives for these codes, by status. */
export function problemAnswers(...codes: readonly ErrorCode[]) {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = errorStatus[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      { content: { "application/problem+json": { schema: ProblemBody } }, description: group.join(", ") },
    ]),
  );
}
