/**
 * Counts what an expression costs while it is evaluated, and ends it when it has cost enough.
 *
 * Each node of a compiled tree is made to report here: one step for itself, and steps for the size of what it gave, so
 * that neither loops over long lists nor text that doubles can grow beyond the number of steps. The library has no such
 * count of its own; its nodes are replaced at `evaluate`, which they look up on every use. `expression.test.ts` holds
 * the bombs that would go off should a new version of it stop doing so.
 */
import type { ASTNode } from "@marcbachmann/cel-js";
import type { ExpressionFault } from "./expression.ts";
import { partsOf, SEARCHES } from "./expression-rules.ts";

export interface Meter {
  /** Begins an evaluation. */
  start(steps: number): void;
  /** Why the last evaluation was ended; null when it was not. */
  readonly fault: ExpressionFault | null;
}

/** Characters that are passed on in one step, and those that are made. */
const TEXT_STEP = 4_096;
const NEW_TEXT_STEP = 512;
/** Elements of a list, likewise. */
const LIST_STEP = 64;
const NEW_LIST_STEP = 8;
const MAX_TEXT = 1_048_576;
/** Text that is searched for, and what `join` puts between. */
const MAX_NEEDLE = 1_024;
const MAX_SPLIT = 16_384;
const MAX_JOINED = 65_536;
const MAX_JOINED_PARTS = 1_000;
const MAX_LITERAL = 64;
/** `size` of a text counts its characters one by one, and that of a map, like a loop over it, lists its keys. */
const SIZE_STEP = 32;
const KEYS_STEP = 8;

/** What a node's value is used for, where that costs more than passing it on. */
type Use = "plain" | "compared" | "needle" | "split" | "joined" | "sized" | "iterated" | "literal";

const LONGEST: Readonly<Record<Use, number>> = {
  plain: MAX_TEXT,
  compared: MAX_TEXT,
  sized: MAX_TEXT,
  joined: MAX_TEXT,
  iterated: MAX_TEXT,
  needle: MAX_NEEDLE,
  split: MAX_SPLIT,
  literal: MAX_LITERAL,
};

type Evaluate = (evaluator: unknown, ast: unknown, context: unknown) => unknown;

/** What a node has at run time beyond its published type. */
interface LiveNode {
  readonly op: string;
  readonly args: unknown;
  readonly start: number;
  readonly meta: {
    readonly alternate?: LiveNode;
    readonly macro?: { readonly evaluate: Evaluate };
    readonly evaluate: Evaluate;
  };
  evaluate: Evaluate;
}

/** Prepares a tree that was parsed, checked and found allowed; it must not be evaluated without `start`. */
export function metered(root: ASTNode): Meter {
  const count = new StepCount();
  count.watch(root as unknown as LiveNode, "plain", new Set());
  return count;
}

const ENDED = new RangeError("the expression was ended");

class StepCount implements Meter {
  fault: ExpressionFault | null = null;
  #left = 0;
  #steps = 0;

  start(steps: number): void {
    this.fault = null;
    this.#left = steps;
    this.#steps = steps;
  }

  watch(node: LiveNode, use: Use, seen: Set<LiveNode>): void {
    if (seen.has(node)) {
      return;
    }
    seen.add(node);
    const { alternate, macro, evaluate } = node.meta;
    const original: Evaluate =
      alternate !== undefined
        ? (evaluator, _, context) => alternate.evaluate(evaluator, alternate, context)
        : macro !== undefined
          ? (evaluator, _, context) => macro.evaluate(evaluator, macro, context)
          : evaluate;
    node.evaluate = (evaluator, ast, context) => {
      this.#spend(1, node);
      return this.#take(original.call(node, evaluator, ast, context), use, node);
    };
    for (const [child, usedFor] of alternate === undefined ? childrenOf(node) : [[alternate, use] as const]) {
      this.watch(child, usedFor, seen);
    }
  }

  /** Charges for a value; numbers of the data become CEL's. */
  #take(value: unknown, use: Use, node: LiveNode): unknown {
    if (typeof value === "number") {
      return READS.has(node.op) ? toCel(value) : value;
    }
    if (typeof value === "string") {
      this.#text(value, use, node);
      return value;
    }
    if (typeof value !== "object" || value === null) {
      return value;
    }
    if (use === "compared") {
      return this.#deep(value, node);
    }
    if (Array.isArray(value)) {
      this.#spend(value.length / (READS.has(node.op) ? LIST_STEP : NEW_LIST_STEP), node);
      if (use === "joined") {
        this.#joined(value, node);
      }
    } else if (use === "sized" || use === "iterated") {
      this.#spend(Object.keys(value).length / KEYS_STEP, node);
    }
    return value;
  }

  #text(text: string, use: Use, node: LiveNode): void {
    const { length } = text;
    if (length > LONGEST[use]) {
      this.#end(`text of ${length} characters is too long here; at most ${LONGEST[use]} are handled`, node);
    }
    this.#spend(length / (use === "sized" ? SIZE_STEP : READS.has(node.op) ? TEXT_STEP : NEW_TEXT_STEP), node);
  }

  #joined(list: readonly unknown[], node: LiveNode): void {
    const chars = list.reduce<number>((sum, one) => sum + (typeof one === "string" ? one.length : 0), 0);
    if (list.length > MAX_JOINED_PARTS || chars > MAX_JOINED) {
      this.#end(`join() takes at most ${MAX_JOINED_PARTS} parts of ${MAX_JOINED} characters in all`, node);
    }
  }

  /** A copy with CEL's numbers, because comparing walks all of it. */
  #deep(value: unknown, node: LiveNode): unknown {
    this.#spend(1, node);
    if (typeof value === "number") {
      return toCel(value);
    }
    if (typeof value === "string") {
      this.#spend(value.length / TEXT_STEP, node);
      return value;
    }
    if (Array.isArray(value)) {
      this.#spend(value.length, node);
      return value.map((one: unknown) => this.#deep(one, node));
    }
    if (
      typeof value !== "object" ||
      value === null ||
      ![Object.prototype, null].includes(Object.getPrototypeOf(value))
    ) {
      return value;
    }
    const keys = Object.keys(value);
    this.#spend(keys.length, node);
    const data = value as Readonly<Record<string, unknown>>;
    return Object.fromEntries(keys.map((key) => [key, this.#deep(data[key], node)]));
  }

  #spend(steps: number, node: LiveNode): void {
    this.#left -= steps;
    if (this.#left < 0 || this.fault !== null) {
      this.#end(`it needs more than ${this.#steps} steps for this data`, node);
    }
  }

  #end(message: string, node: LiveNode): never {
    this.fault ??= { ok: false, message, position: node.start };
    // One object for all: a loop that goes on after errors may throw it thousands of times.
    throw ENDED;
  }
}

/** Nodes that give what the data holds; what others give is CEL's already. */
const READS: ReadonlySet<string> = new Set(["id", ".", "[]"]);

/** Whole numbers are `int`, beyond 2^53 they stay `double`. */
function toCel(value: number): number | bigint {
  return Number.isSafeInteger(value) ? BigInt(value) : value;
}

const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "in"]);

type Child = readonly [LiveNode, Use];

function childrenOf(node: LiveNode): Child[] {
  const plain = (nodes: readonly LiveNode[], use: Use = "plain"): Child[] => nodes.map((one) => [one, use]);
  switch (node.op) {
    case "call": {
      const [name, args] = node.args as [string, LiveNode[]];
      const uses: Readonly<Record<string, Use>> = { size: "sized", has: "plain", string: "plain", dyn: "plain" };
      // The others read a number or a moment from text.
      return plain(args, uses[name] ?? "literal");
    }
    case "rcall": {
      const [name, receiver, args] = node.args as [string, LiveNode, LiveNode[]];
      const uses: Readonly<Record<string, Use>> = { size: "sized", split: "split", join: "joined" };
      const searched = SEARCHES.has(name) || name === "split" || name === "join";
      return [[receiver, uses[name] ?? "plain"], ...plain(args, searched ? "needle" : "plain")];
    }
    case "comprehension": {
      const { iterable, init, step } = node.args as Readonly<Record<"iterable" | "init" | "step", LiveNode>>;
      return [[iterable, "iterated"], ...plain([init, step])];
    }
    default: {
      const parts = partsOf(node as unknown as ASTNode) as unknown as readonly LiveNode[];
      return plain(parts, COMPARISONS.has(node.op) ? "compared" : "plain");
    }
  }
}
