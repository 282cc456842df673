/** Names that become environment variables, or could: of the environment itself, of secrets and of variables. */
import * as z from "zod";

export const ENV_NAME = /^[A-Z_][A-Z0-9_]*$/;
export const MAX_ENV_NAME_CHARS = 128;
const RESERVED_ENV = /^(?:LD_|DOCKER_|CRONIUM_)|^(?:NODE_OPTIONS|PATH|BASH_ENV|ENV|IFS|PYTHONSTARTUP|PYTHONHOME)$/;

/** Whether the system keeps this environment name for itself (it could change what is run, or impersonate a run). */
export function isReservedEnvName(name: string): boolean {
  return RESERVED_ENV.test(name);
}

/** What is wrong with a name, as the end of a sentence that begins with it; null when nothing is. */
export function envNameProblem(
  name: string,
): { readonly code: "invalid_env_name" | "env_reserved"; readonly message: string } | null {
  if (!ENV_NAME.test(name) || name.length > MAX_ENV_NAME_CHARS) {
    return {
      code: "invalid_env_name",
      message: `must be at most ${MAX_ENV_NAME_CHARS} capital letters, digits and underscores, starting with a letter or an underscore`,
    };
  }
  return isReservedEnvName(name) ? { code: "env_reserved", message: "belongs to the system" } : null;
}

/** Name of a secret or a variable: 1 to 128 capital letters, digits and underscores, none that the system keeps. */
export const ValueName = z.string().superRefine((name, context) => {
  const problem = envNameProblem(name);
  if (problem !== null) {
    context.addIssue({ code: "custom", message: problem.message, params: { code: problem.code } });
  }
});
