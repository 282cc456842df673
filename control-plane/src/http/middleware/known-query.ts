/** A query parameter that a route does not know would be left out of its answer in silence: it is refused by name. */
import { AppError, echo, type ErrorCode } from "@cronium/protocol/errors";
import { MAX_PAGE_SIZE } from "@cronium/protocol/limits";
import type { Context } from "hono";
import { routePath } from "hono/route";
import type * as z from "zod";
import type { AppEnv } from "../context.ts";

/** Query parameters by name, and whether each is a number. */
type Parameters = ReadonlyMap<string, { readonly isNumber: boolean }>;
/** Those of each route, by `METHOD /path`. */
export type QueryNames = ReadonlyMap<string, Parameters>;

const ORDERS: ReadonlySet<string> = new Set(["sort", "sortBy", "sort_by", "order", "orderBy", "order_by"]);

/**
 * Throws `invalid_sort` for an order of a list, `unknown_field` for anything else that is not the route's, and
 * `invalid_limit` or `invalid_type` for numbers that are not written in digits, such as `0x10`.
 */
export function refuseUnknownQuery(c: Context<AppEnv>): void {
  if (!c.req.url.includes("?")) {
    return;
  }
  const known = c.get("queryNames").get(`${c.req.method} ${routePath(c)}`);
  for (const [name, value] of new URL(c.req.url).searchParams) {
    const parameter = known?.get(name);
    if (parameter !== undefined) {
      if (parameter.isNumber && !/^-?\d{1,15}$/.test(value)) {
        const code = name === "limit" ? "invalid_limit" : "invalid_type";
        throw refused(code, name, `must be a whole number in digits, not ${echo(value)}`);
      }
      continue;
    }
    if (c.req.method === "GET" && name === "limit") {
      // Lists that fit one page take what every list takes.
      if (!/^\d{1,9}$/.test(value) || Number(value) < 1 || Number(value) > MAX_PAGE_SIZE) {
        throw refused("invalid_limit", name, `must be a whole number from 1 to ${MAX_PAGE_SIZE}`);
      }
      continue;
    }
    if (c.req.method === "GET" && name === "cursor") {
      throw refused("invalid_cursor", name, "was given out by no list at this address");
    }
    if (ORDERS.has(name)) {
      throw refused("invalid_sort", name, "is not possible; this address has one order");
    }
    const names = known === undefined || known.size === 0 ? "none" : [...known.keys()].join(", ");
    throw refused("unknown_field", name, `is not a known query parameter; known: ${names}`);
  }
}

function refused(code: ErrorCode, name: string, message: string): AppError {
  const pointer = `query.${name.slice(0, 80)}`;
  return new AppError(code, `The query parameter ${echo(name)} ${message}.`, { errors: [{ pointer, code, message }] });
}

/** What a query schema, an object, reads. */
export function queryNamesOf(schema: z.core.$ZodType | undefined): Parameters {
  const { shape = {} } = (schema?._zod.def ?? {}) as { readonly shape?: Readonly<Record<string, z.core.$ZodType>> };
  return new Map(Object.entries(shape).map(([name, field]) => [name, { isNumber: isNumber(field) }]));
}

function isNumber(schema: z.core.$ZodType): boolean {
  const { type, innerType } = schema._zod.def as unknown as { type: string; innerType?: z.core.$ZodType };
  return type === "number" || (innerType !== undefined && isNumber(innerType));
}
