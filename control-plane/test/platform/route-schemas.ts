/** What the schema of a route accepts, read from the schema itself. */
import type * as z from "zod";

type Def = Readonly<Record<string, unknown>> & { readonly type: string };

function defOf(schema: z.core.$ZodType): Def {
  return schema._zod.def as unknown as Def;
}

/** Without optional, default and the like around it. */
function bare(schema: z.core.$ZodType): z.core.$ZodType {
  const { innerType, in: input } = defOf(schema) as { innerType?: z.core.$ZodType; in?: z.core.$ZodType };
  const inner = innerType ?? input;
  return inner === undefined ? schema : bare(inner);
}

/** The fields of an object by name; none of anything else. */
export function fieldsOf(schema: z.core.$ZodType | undefined): Readonly<Record<string, z.core.$ZodType>> {
  return schema === undefined ? {} : ((defOf(bare(schema)) as { shape?: Record<string, z.core.$ZodType> }).shape ?? {});
}

/** Names of the JSON types that the schema may accept, with `any` for every type; and the limits of a whole number. */
export class Types extends Set<string> {
  bounds: { readonly minimum: number; readonly maximum: number } | null = null;
}

export function typesAt(schema: z.core.$ZodType): Types {
  const inner = bare(schema);
  const def = defOf(inner);
  const found = new Types();
  switch (def.type) {
    case "number": {
      // The one number that is tried as a wrong type has a fraction.
      const { minValue: minimum, maxValue: maximum, isInt } = inner as z.ZodNumber;
      if (!isInt) {
        found.add("number");
      } else if (Number(minimum) > Number.MIN_SAFE_INTEGER && Number(maximum) < Number.MAX_SAFE_INTEGER) {
        found.bounds = { minimum: Number(minimum), maximum: Number(maximum) };
      }
      return found;
    }
    case "enum":
    case "literal":
    case "string":
      // `"1"` is a text that may be one of those; what a text must look like is another row.
      return found.add("string") as Types;
    case "boolean":
      return found.add("boolean") as Types;
    case "array":
      return found;
    case "record":
      return found;
    case "object":
      return found;
    case "union": {
      const types = (def["options"] as readonly z.core.$ZodType[]).map(typesAt);
      for (const name of types.flatMap((one) => [...one])) {
        found.add(name);
      }
      return found;
    }
    default:
      return found.add("any") as Types;
  }
}
