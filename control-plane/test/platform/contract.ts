/** Holds every answer that a test gets against what its route says that it answers. */
import { errorCodes, errorStatus } from "@cronium/protocol/errors";
import * as z from "zod";
import type { Deps } from "../../src/deps.ts";
import { createApp } from "../../src/http/app.ts";

const Problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(errorCodes),
  detail: z.string().min(1),
  hint: z.string().min(1),
  errors: z.array(z.strictObject({ pointer: z.string(), code: z.enum(errorCodes), message: z.string().min(1) })),
  request_id: z.string().min(1),
});

interface Answer {
  readonly content?: Readonly<Record<string, { readonly schema: unknown }>>;
}
interface Documented {
  readonly method: string;
  readonly path: RegExp;
  readonly answers: Readonly<Record<string, Answer>>;
}

/** Answers a function that throws where an answer is not what the contract says. Sockets and streams pass. */
export function contractOf(deps: Deps): (method: string, address: string, response: Response) => Promise<void> {
  const routes = createApp(deps).openAPIRegistry.definitions.flatMap((definition): Documented[] => {
    if (definition.type !== "route") {
      return [];
    }
    const { method, path, responses } = definition.route;
    const pattern = path.replaceAll(/[.]/g, "\\.").replaceAll(/\{\w+\}/g, "[^/]+");
    return [
      { method: method.toUpperCase(), path: new RegExp(`^${pattern}$`), answers: responses as Documented["answers"] },
    ];
  });
  // A fixed address comes before one with a parameter that would match it as well.
  routes.sort((a, b) => Number(a.path.source.includes("[^/]")) - Number(b.path.source.includes("[^/]")));
  return async (method, address, response) => {
    const [path = ""] = address.split("?");
    const route = routes.find((one) => one.method === method && one.path.test(path));
    const type = response.headers.get("content-type") ?? "";
    if (route === undefined || response.status === 101 || !/^application\/(?:problem\+)?json\b/.test(type)) {
      return;
    }
    const answer = route.answers[String(response.status)];
    const body = JSON.parse(await response.clone().text()) as unknown;
    const fault =
      type === "application/problem+json" ? problemFault(body, response.status) : bodyFault(body, answer, type);
    if (fault !== null) {
      throw new Error(`${method} ${address} answered ${response.status}, which is not in its contract: ${fault}`);
    }
  };
}

function problemFault(body: unknown, status: number): string | null {
  const problem = Problem.safeParse(body);
  if (!problem.success) {
    return z.prettifyError(problem.error);
  }
  const { code } = problem.data;
  return problem.data.status === status && errorStatus[code] === status ? null : `${code} has another status`;
}

function bodyFault(body: unknown, answer: Answer | undefined, type: string): string | null {
  if (answer === undefined) {
    return "a status that it does not name";
  }
  const schema = answer.content?.[type.split(";")[0] ?? ""]?.schema;
  if (schema === undefined || schema === null || typeof schema !== "object" || !("_zod" in schema)) {
    return null;
  }
  const parsed = z.safeParse(schema as z.core.$ZodType, body);
  return parsed.success ? null : z.prettifyError(parsed.error);
}
