/**
 * What an expression may consist of. Everything else of CEL is refused when it is saved: regular expressions, bytes,
 * time zones, and `cel.bind`, whose cost nobody sees in the text.
 */
import type { ASTNode } from "@marcbachmann/cel-js";

/** Free functions. */
const CALLS: ReadonlySet<string> = new Set([
  "has",
  "size",
  "string",
  "int",
  "double",
  "bool",
  "dyn",
  "timestamp",
  "duration",
]);

/** Methods that hand each element of a list, or each key of a map, to an expression. */
export const MACROS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "map", "filter"]);

/** Methods whose first argument is searched for. */
export const SEARCHES: ReadonlySet<string> = new Set(["contains", "startsWith", "endsWith", "indexOf", "lastIndexOf"]);

const METHODS: ReadonlySet<string> = new Set([
  ...MACROS,
  ...SEARCHES,
  "size",
  "lowerAscii",
  "upperAscii",
  "trim",
  "substring",
  "split",
  "join",
]);

/** Parts of a moment, in UTC: none of them takes a time zone. */
const PARTS: ReadonlySet<string> = new Set([
  "getFullYear",
  "getMonth",
  "getDate",
  "getDayOfMonth",
  "getDayOfWeek",
  "getHours",
  "getMinutes",
  "getSeconds",
  "getMilliseconds",
]);

/** Macros within macros. */
export const MAX_MACRO_NESTING = 2;

export interface Refused {
  readonly message: string;
  readonly position: number;
}

/** The first part that is not allowed, with its position in the text; null when all of it is. */
export function whyNotAllowed(node: ASTNode, nesting = 0): Refused | null {
  const at = (message: string): Refused => ({ message, position: node.start });
  if (node.op === "call") {
    const [name, args] = node.args;
    return CALLS.has(name) ? firstOf(args, nesting) : at(`${name}() is not available here`);
  }
  if (node.op === "rcall") {
    const [name, receiver, args] = node.args;
    if (PARTS.has(name) && args.length > 0) {
      return at(`${name}() takes no time zone here; it is in UTC`);
    }
    if (!METHODS.has(name) && !PARTS.has(name)) {
      return at(`${name}() is not available here`);
    }
    const inner = MACROS.has(name) ? nesting + 1 : nesting;
    if (inner > MAX_MACRO_NESTING) {
      return at(`${name}() is nested too deeply; at most ${MAX_MACRO_NESTING} of all, exists, map, filter may be`);
    }
    return whyNotAllowed(receiver, nesting) ?? firstOf(args, inner);
  }
  if (node.op === "value") {
    return node.args instanceof Uint8Array ? at("bytes are not available here") : null;
  }
  return firstOf(partsOf(node), nesting);
}

function firstOf(nodes: readonly ASTNode[], nesting: number): Refused | null {
  for (const node of nodes) {
    const refused = whyNotAllowed(node, nesting);
    if (refused !== null) {
      return refused;
    }
  }
  return null;
}

/** The nodes below one that is neither a call nor a literal. */
export function partsOf(node: ASTNode): readonly ASTNode[] {
  const { args } = node;
  const list: readonly unknown[] = Array.isArray(args) ? args.flat() : [args];
  return list.filter((one): one is ASTNode => typeof one === "object" && one !== null && "op" in one);
}
