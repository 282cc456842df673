/** Registers this machine once: token and public key go in, a runner id comes back. */
import * as z from "zod";
import { PROTOCOL_VERSION, RegisterResponse, type RegisterRequest } from "@cronium/protocol";
import { ExitError } from "./base/exit-error.ts";
import { errorText } from "./base/log.ts";
import { apiUrl } from "./plane-url.ts";

const ANSWER_WITHIN_MS = 30_000;
const RegisterProblem = z.object({ code: z.string(), detail: z.string(), hint: z.string().optional() });

/** Throws `ExitError` with `auth`, `conflict`, `upgrade`, `usage` or `network`. */
export async function register(url: string, request: RegisterRequest): Promise<RegisterResponse> {
  const target = apiUrl(url, "runner/register");
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    body = await response.json().catch(() => null);
  } catch (error) {
    throw new ExitError(
      "network",
      `The control plane at ${url} does not answer: ${errorText(error)}`,
      "Check the address and that this machine may reach it, then run the command again.",
      { cause: error },
    );
  }
  if (response.ok) {
    const parsed = RegisterResponse.safeParse(body);
    if (parsed.success) {
      return parsed.data;
    }
  }
  throw refusal(url, response.status, body);
}

function refusal(url: string, status: number, body: unknown): ExitError {
  const parsed = RegisterProblem.safeParse(body);
  if (!parsed.success) {
    return new ExitError(
      "network",
      `${url} answered ${status}, but not as a Cronium control plane.`,
      "Check the address; a proxy in between may have answered.",
    );
  }
  const { code, detail, hint } = parsed.data;
  switch (code) {
    case "invalid_registration_token":
    case "malformed_token":
      return new ExitError("auth", detail, hint ?? "Copy a new command from the Runners page.");
    case "name_taken":
      return new ExitError("conflict", detail, "Choose another name with --name, or take it over with --replace.");
    case "upgrade_required":
      return new ExitError(
        "upgrade",
        detail,
        `This runner speaks protocol ${PROTOCOL_VERSION}; upgrade the older side.`,
      );
    default:
      return new ExitError(
        status >= 500 || status === 429 ? "network" : "usage",
        `Registering failed: ${detail}`,
        hint ?? "Try again.",
      );
  }
}
