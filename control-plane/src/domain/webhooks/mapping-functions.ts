/**
 * Functions of JSONata as the library holds them, and what it takes to stand in for one of its own.
 *
 * The library makes a function that is given to another one callable, but not where that call is the last thing that a
 * function does: there `$map($x, $uppercase)` and `$sort($x, function($a, $b) { … })` get what they cannot call. So each
 * of those that call others is given what it can call, however it came.
 */
import jsonata from "jsonata";

/** A function of the library. */
export interface Native {
  readonly _jsonata_function: true;
  readonly implementation: (this: unknown, ...args: unknown[]) => unknown;
  readonly signature?: { validate(args: readonly unknown[], context: unknown): unknown[] };
}

/** One that the text defines, or that came from filling in some of another's parameters; those have no `apply`. */
interface Lambda {
  readonly _jsonata_lambda: true;
  readonly arguments: readonly unknown[];
  apply?(self: unknown, args: readonly unknown[]): Promise<unknown>;
}

type Callable = ((...args: unknown[]) => Promise<unknown>) & { arity: number };

/** The library passes on as many arguments as a function takes, which are four at most. */
const CALLERS =
  "[function($f) { $f() }, function($f, $a) { $f($a) }, function($f, $a, $b) { $f($a, $b) }," +
  " function($f, $a, $b, $c) { $f($a, $b, $c) }, function($f, $a, $b, $c, $d) { $f($a, $b, $c, $d) }]";

/** Whether it is one; those of the library are objects that hold all around them. */
export function isFunction(value: unknown): value is Native | Lambda | ((...args: unknown[]) => unknown) {
  return typeof value === "function" || isNative(value) || isLambda(value);
}

/**
 * The same function, which calls `before` with what it is given. The library reads its parameters off its length and
 * text, of which it does not understand defaults.
 */
export function withCost(native: Native, before: (args: readonly unknown[]) => void): Native {
  const { implementation } = native;
  let callers: Promise<readonly Lambda[]> | undefined;
  const fill = async (lambda: Lambda, args: readonly unknown[]): Promise<unknown> => {
    callers ??= jsonata(CALLERS).evaluate(undefined) as Promise<readonly Lambda[]>;
    const caller = (await callers)[args.length];
    try {
      return await caller?.apply?.(null, [lambda, ...args]);
    } catch (error) {
      // A place in the text above is none in that of the user.
      delete (error as { position?: number }).position;
      delete (error as { token?: string }).token;
      throw error;
    }
  };
  const metered = function (this: unknown, ...args: unknown[]): unknown {
    before(args);
    return implementation.apply(
      this,
      args.map((one) => (isNative(one) || isLambda(one) ? callable(one, this, fill) : one)),
    );
  };
  Object.defineProperty(metered, "length", { value: implementation.length });
  const text = implementation.toString().replaceAll(/\s*=\s*\w+(?=[,)])/g, "");
  metered.toString = () => text;
  return { ...native, implementation: metered };
}

function callable(
  held: Native | Lambda,
  self: unknown,
  fill: (lambda: Lambda, args: readonly unknown[]) => Promise<unknown>,
): Callable {
  if (isNative(held)) {
    const { implementation, signature } = held;
    const call = async (...args: unknown[]): Promise<unknown> =>
      await implementation.apply(self, signature?.validate(args, undefined) ?? args);
    return Object.assign(call, { arity: implementation.length });
  }
  const call = (...args: unknown[]): Promise<unknown> => held.apply?.(self, args) ?? fill(held, args);
  return Object.assign(call, { arity: held.arguments.length });
}

// Data from outside may have fields of these names, but no code in them.
function isNative(value: unknown): value is Native {
  return typeof value === "object" && value !== null && "_jsonata_function" in value && holds(value, "implementation");
}

function isLambda(value: unknown): value is Lambda {
  return (
    typeof value === "object" &&
    value !== null &&
    "_jsonata_lambda" in value &&
    "environment" in value &&
    holds(value.environment, "lookup")
  );
}

function holds(value: unknown, name: string): boolean {
  return typeof value === "object" && value !== null && typeof (value as Record<string, unknown>)[name] === "function";
}
