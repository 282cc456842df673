/**
 * Expressions that people write over data: CEL, cut down to what cannot hurt the control plane.
 *
 * Three things bound them, none of them a clock: the text and its tree have a size, only the functions listed in
 * `expression-rules.ts` exist, and every evaluation has a number of steps (`expression-meter.ts`). The same text over the
 * same data therefore always gives the same answer, here and on any other machine.
 *
 * Whole numbers of the data are CEL's `int`, all others `double`.
 */
import {
  Environment,
  EvaluationError,
  ParseError,
  TypeError as CheckError,
  type ParseResult,
} from "@marcbachmann/cel-js";
import type { Json } from "@cronium/protocol/json";
import { whyNotAllowed } from "./expression-rules.ts";
import { metered, type Meter } from "./expression-meter.ts";

export type Scalar = string | number | bigint | boolean | null;

/** What is wrong, in a sentence, and where in the text: characters from 0. */
export interface ExpressionFault {
  readonly ok: false;
  readonly message: string;
  readonly position: number;
}

/** Compiled once, evaluated as often as needed. */
export interface Expression {
  readonly text: string;
  /**
   * Its value for this data. A list, a map or a number that JSON has no form for is a fault; so is whatever CEL calls an
   * error, such as a key that is not there, and having used up `steps`.
   */
  evaluate(
    data: Readonly<Record<string, Json>>,
    steps?: number,
  ): { readonly ok: true; readonly value: Scalar } | ExpressionFault;
}

/** Steps of one evaluation by default: about a millisecond. A step is a node of the tree, or 4 KiB of text handled. */
export const EXPRESSION_STEPS = 10_000;

const limits = { maxAstNodes: 300, maxDepth: 32, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 8 };

/** What an expression may turn out to be; `dyn` is known when it is evaluated. */
const SCALARS: ReadonlySet<string> = new Set(["string", "int", "uint", "double", "bool", "null", "null_type", "dyn"]);

/** `variables` are the names under which it finds data. */
export function compileExpression(
  text: string,
  variables: readonly string[],
): { readonly ok: true; readonly expression: Expression } | ExpressionFault {
  const environment = new Environment({ limits, homogeneousAggregateLiterals: false });
  for (const name of variables) {
    environment.registerVariable(name, "dyn");
  }
  let program: ParseResult;
  try {
    program = environment.parse(text);
  } catch (error) {
    return fault(error);
  }
  const refused = whyNotAllowed(program.ast);
  if (refused !== null) {
    return { ok: false, ...refused };
  }
  const { valid, type = "dyn", error } = program.check();
  if (!valid) {
    return fault(error);
  }
  if (!SCALARS.has(type)) {
    return { ok: false, message: notScalar(type), position: 0 };
  }
  const meter = metered(program.ast);
  return {
    ok: true,
    expression: { text, evaluate: (data, steps = EXPRESSION_STEPS) => run(program, meter, data, steps) },
  };
}

function run(
  program: ParseResult,
  meter: Meter,
  data: Readonly<Record<string, Json>>,
  steps: number,
): ReturnType<Expression["evaluate"]> {
  meter.start(steps);
  let value: unknown;
  try {
    value = program(Object.assign(Object.create(null) as object, data));
  } catch (error) {
    return meter.fault ?? fault(error);
  }
  // `||`, `&&`, `all` and `exists` go on after an error in one of their parts; running out of steps is none of those.
  return meter.fault ?? scalar(value);
}

function scalar(value: unknown): ReturnType<Expression["evaluate"]> {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "bigint":
      return { ok: true, value };
    case "number":
      return Number.isFinite(value)
        ? { ok: true, value }
        : { ok: false, message: `it gives ${value}, which is no number of JSON`, position: 0 };
    default:
      return value === null
        ? { ok: true, value }
        : { ok: false, message: notScalar(Array.isArray(value) ? "list" : "map"), position: 0 };
  }
}

function notScalar(type: string): string {
  return `it gives a ${type}, and must give a string, a number, a boolean or null`;
}

function fault(error: unknown): ExpressionFault {
  if (error instanceof ParseError || error instanceof EvaluationError || error instanceof CheckError) {
    return { ok: false, message: sentence(error.summary), position: error.range?.start ?? 0 };
  }
  // The library's own functions may throw what JavaScript throws, such as RangeError for text that is too long.
  return { ok: false, message: sentence(error instanceof Error ? error.message : String(error)), position: 0 };
}

/** Values of the data may be part of it. */
function sentence(text: string): string {
  const cut = text.length > 200 ? `${text.slice(0, 199)}…` : text;
  return cut.replaceAll(/\p{Cc}/gu, " ");
}
