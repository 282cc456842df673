/** Whether what a definition says of secrets can be kept, when it is saved or triggered. */
import type { EventDefinition, FieldError } from "@cronium/protocol";
import type { Refusal } from "../../domain/dispatcher.ts";
import { findSecrets } from "./secrets.ts";
import type { Shell } from "./shell.ts";

/** Null when every secret is there and no name of the environment is given twice. */
export function refuseSecrets(
  shell: Shell,
  eventId: string | null,
  { secrets, secretEnv, env }: Pick<EventDefinition, "secrets" | "secretEnv" | "env">,
): Refusal | null {
  if (secrets.length === 0 && secretEnv.length === 0) {
    return null;
  }
  const { missing } = findSecrets(shell, eventId, secrets);
  const errors: FieldError[] = [
    ...missing.map((name): FieldError => ({
      pointer: `/secrets/${secrets.indexOf(name)}`,
      code: "secret_not_found",
      message: `names ${name}, and there is no such secret in this workspace`,
    })),
    ...secretEnv.flatMap((name, index): FieldError[] => {
      const pointer = `/secretEnv/${index}`;
      if (!secrets.includes(name)) {
        return [{ pointer, code: "invalid_value", message: `names ${name}, which is not among the event's secrets` }];
      }
      return Object.hasOwn(env, name)
        ? [
            {
              pointer,
              code: "invalid_value",
              message: `names ${name}, which the environment of the event sets already`,
            },
          ]
        : [];
    }),
  ];
  const [first, ...more] = errors;
  if (first === undefined) {
    return null;
  }
  const rest = more.length === 0 ? "" : ` ${more.length} more ${more.length === 1 ? "error is" : "errors are"} listed.`;
  return { ok: false, code: first.code, message: `${first.pointer} ${first.message}.${rest}`, errors };
}
