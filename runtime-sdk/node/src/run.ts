/** Whether this is a run, its token, and what there is outside one. */
import { InvalidJsonError, NotInRunError } from "./errors.ts";

/** A token that ends sooner than this is renewed before it is used. */
const RENEW_BEFORE_MS = 300_000;

export interface Run {
  readonly id: string;
  /** The token as it stands in the environment, where a renewed one is put. */
  readonly token: () => string;
}

/** `undefined` outside a run. */
export function currentRun(): Run | undefined {
  const id = process.env["CRONIUM_RUN_ID"];
  return id && process.env["CRONIUM_TOKEN"] ? { id, token: () => process.env["CRONIUM_TOKEN"] ?? "" } : undefined;
}

/** For verbs that need something to answer them. */
export function requireRun(): Run {
  const run = currentRun();
  if (run === undefined) {
    throw notInRun("run it with values of your own: cronium dev run main.ts");
  }
  return run;
}

let known = { token: "", endsAt: Number.POSITIVE_INFINITY };

export function endsSoon(token: string): boolean {
  if (known.token !== token) {
    known = { token, endsAt: endOf(token) };
  }
  return Date.now() > known.endsAt - RENEW_BEFORE_MS;
}

/** In milliseconds since 1970; never where the token does not say. */
function endOf(token: string): number {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    if (typeof claims === "object" && claims !== null && "exp" in claims && typeof claims.exp === "number") {
      return claims.exp * 1000;
    }
  } catch {
    // Not a token of ours: the API says what is wrong with it.
  }
  return Number.POSITIVE_INFINITY;
}

/** Unlike JSON.stringify alone this refuses NaN and Infinity, which would silently become null. */
export function toJson(value: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (key, part: unknown) => {
      if (typeof part === "number" && !Number.isFinite(part)) {
        throw new TypeError(`${part} at ${key === "" ? "the top" : `"${key}"`} is not a JSON number`);
      }
      return part;
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidJsonError(`${what} cannot be written as JSON: ${reason}`, { cause });
  }
  if (text === undefined) {
    throw new InvalidJsonError(`${what} cannot be written as JSON: it is ${typeof value}`);
  }
  return text;
}

export function localInput(): unknown {
  const text = process.env["CRONIUM_INPUT"];
  if (text === undefined) {
    throw notInRun(`give it an input: CRONIUM_INPUT='{"name":"value"}' node main.ts`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidJsonError(`CRONIUM_INPUT is not JSON: ${reason}`, { cause });
  }
}

export function localSecret(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw notInRun(`give it the secret: ${name}=value node main.ts`);
  }
  return value;
}

export function localVariable(name: string, fallback: readonly unknown[]): unknown {
  const text = process.env[name];
  if (text === undefined) {
    if (fallback.length === 0) {
      throw notInRun(`give it the variable: ${name}=value node main.ts`);
    }
    return fallback[0];
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** For what only the run's page would show. */
export function showLocally(what: string, text: string): void {
  localInput();
  process.stderr.write(`cronium ${what}: ${text}\n`);
}

function notInRun(what: string): NotInRunError {
  return new NotInRunError(
    `This script does not run under Cronium (CRONIUM_RUN_ID and CRONIUM_TOKEN are not set). To try it here, ${what}`,
  );
}
