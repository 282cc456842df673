/** `/api/v1/variables`: values that scripts read by name, and that everybody in the workspace may see. */
import * as z from "zod";
import { ValueName } from "../env-name.ts";
import { EventId } from "../ids.ts";
import { JsonValue, type Json } from "../json.ts";
import { pageOf } from "./page.ts";

/** Largest value, in bytes of JSON. */
export const MAX_VARIABLE_BYTES = 65_536;
/** Largest sum of the values of one scope, in bytes of JSON: all of them travel with each run. */
export const MAX_SCOPE_BYTES = 262_144;

export const variableTypes = ["string", "number", "boolean", "json"] as const;
export type VariableType = (typeof variableTypes)[number];

/** The type that holds this value: `json` for null, lists and objects. */
export function variableTypeOf(value: Json): VariableType {
  const type = typeof value;
  return type === "string" || type === "number" || type === "boolean" ? type : "json";
}

const VariableValue = JsonValue.refine(
  (value) => new TextEncoder().encode(JSON.stringify(value)).length <= MAX_VARIABLE_BYTES,
  { message: `must be at most ${MAX_VARIABLE_BYTES} bytes of JSON`, params: { code: "body_too_large" } },
);

const Description = z.string().max(500, "must be at most 500 characters");

/** A variable at its newest version. */
export const Variable = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    /** The event it belongs to; null for one of the whole workspace. */
    eventId: z.string().nullable(),
    eventName: z.string().nullable(),
    type: z.enum(variableTypes),
    value: JsonValue,
    /** Rises with each new value. */
    version: z.int(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Variable" });
export type Variable = z.infer<typeof Variable>;

export const VariablePage = pageOf(Variable, "VariablePage");

/** One value that a variable has had; never changed. */
export const VariableVersion = z
  .strictObject({
    version: z.int(),
    type: z.enum(variableTypes),
    value: JsonValue,
    /** Id of the person or API key that wrote it. */
    by: z.string(),
    at: z.iso.datetime(),
  })
  .meta({ id: "VariableVersion" });
export type VariableVersion = z.infer<typeof VariableVersion>;

export const VariableVersionPage = pageOf(VariableVersion, "VariableVersionPage");

const written = {
  value: VariableValue,
  /** What the value must be; by default what it is. `json` takes any value. */
  type: z.enum(variableTypes).optional(),
};

export const CreateVariable = z
  .strictObject({
    name: ValueName,
    ...written,
    description: Description.default(""),
    /** Only runs of this event get it, instead of the workspace's of the same name; null, the default, for all. */
    eventId: EventId.nullable().default(null),
  })
  .meta({ id: "CreateVariable" });
export type CreateVariable = z.infer<typeof CreateVariable>;

/** `version`, or the header `If-Match`, refuses the change when the variable is at another one. */
export const SetVariable = z
  .strictObject({
    ...written,
    description: Description.optional(),
    version: z.int().min(1).optional(),
  })
  .meta({ id: "SetVariable" });
export type SetVariable = z.infer<typeof SetVariable>;
