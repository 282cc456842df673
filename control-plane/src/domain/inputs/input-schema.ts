/**
 * Inputs against the schema of their event: the one function by which every trigger's input is taken or refused, with
 * `default`s filled in. Compiled once for a version of an event.
 */
import type { FieldError } from "@cronium/protocol/errors";
import type { Json } from "@cronium/protocol/json";
import { MAX_INPUT_BYTES } from "@cronium/protocol/limits";
import type { Refusal } from "../dispatcher.ts";
import { compileSchema, type CompiledSchema } from "./compiled-schema.ts";
import { faultsOf } from "./input-faults.ts";
import { fillerOf, type Filler } from "./schema-defaults.ts";
import { isObject } from "./schema-errors.ts";
import { factsOf, MAX_KEY_CHARS, SchemaFault, SchemaMeter } from "./schema-meter.ts";

/** What triggers of an event are held against. */
export interface InputRule {
  /** The input as the run gets it. `given` undefined: the trigger brought none. */
  accept(given: Json | undefined): { readonly ok: true; readonly input: Json } | Refusal;
}

/** `schema` null: everything is taken. `defaultInput` stands in for an input that was not given. */
export function inputRule({
  inputSchema,
  defaultInput,
}: {
  readonly inputSchema: Json;
  readonly defaultInput: Json;
}): InputRule {
  if (inputSchema === null) {
    return { accept: (given) => ({ ok: true, input: given === undefined ? defaultInput : given }) };
  }
  // Events are read more often than triggered.
  let made: { readonly compiled: CompiledSchema; readonly fill: Filler | null } | null = null;
  // Without an input, and without a default for it, there still may be one for each of its fields.
  const absent = defaultInput === null && takesObject(inputSchema) ? {} : defaultInput;
  const accept = (input: Json): ReturnType<InputRule["accept"]> => {
    const meter = new SchemaMeter();
    if (factsOf(input).longestKey > MAX_KEY_CHARS) {
      return refusal([fault(`has a key of more than ${MAX_KEY_CHARS} characters`)]);
    }
    try {
      made ??= { compiled: compileSchema(inputSchema), fill: fillerOf(inputSchema) };
      const { compiled, fill } = made;
      const filled = fill === null ? input : fill(input, meter);
      if (filled !== input && new TextEncoder().encode(JSON.stringify(filled)).length > MAX_INPUT_BYTES) {
        return refusal([fault(`has more than ${MAX_INPUT_BYTES} bytes once its defaults are filled in`)]);
      }
      if (compiled.check(filled, meter, true).length === 0) {
        return { ok: true, input: filled };
      }
      const all = faultsOf(compiled, compiled.check(filled, meter, false), filled, meter);
      return refusal(all.length === 0 ? [fault("does not suit the schema of its event")] : all);
    } catch (error) {
      if (error instanceof SchemaFault) {
        return refusal([fault(error.message)]);
      }
      if (error instanceof RangeError) {
        return refusal([fault("is wrong in too many places, or nests too deeply for its schema")]);
      }
      throw error;
    }
  };
  return { accept: (given) => accept(given === undefined ? absent : given) };
}

function takesObject(schema: Json): boolean {
  return isObject(schema) && (schema["type"] === "object" || isObject(schema["properties"]));
}

function fault(message: string): FieldError {
  return { pointer: "/input", code: "invalid_value", message };
}

function refusal(errors: readonly FieldError[]): Refusal {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return { ok: false, code: "invalid_input", message: `${first?.pointer} ${first?.message}${more}.`, errors };
}
