/** What a refusal of the control plane means for this program: the two lines that are said, and the exit code. */
import { ExitError, type ExitReason } from "../base/exit-error.ts";

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
  readonly requestId: string;
  readonly errors: readonly { readonly pointer: string; readonly message: string }[];
}

/** `body` is the text of the answer, whatever that may be. */
export function refusal(status: number, body: string, url: string): ExitError {
  const problem = readProblem(body);
  if (problem === null) {
    return new ExitError(
      status >= 500 ? "network" : "failure",
      `The answer of ${url} (status ${status}) did not come from a Cronium control plane.`,
      "Check the address, and what stands between here and there.",
    );
  }
  const fields = problem.errors.slice(1).map(({ pointer, message }) => `\n  ${pointer} ${message}`);
  const id = status >= 500 && problem.requestId !== "" ? ` (request ${problem.requestId})` : "";
  return new ExitError(reasonOf(status), `${problem.detail}${id}${fields.join("")}`, nextOf(status, problem));
}

function nextOf(status: number, problem: Problem): string {
  if (status === 401) {
    return "Run cronium login; a key ends after its life, and when it is revoked.";
  }
  return problem.hint === "" ? `The control plane calls this ${problem.code}.` : problem.hint;
}

/** One exit code for each kind of refusal, by status: codes come and go, statuses stay. */
function reasonOf(status: number): ExitReason {
  switch (status) {
    case 401:
    case 403:
      return "auth";
    case 404:
      return "notFound";
    case 409:
    case 412:
      return "conflict";
    case 413:
    case 429:
      return "limit";
    case 502:
    case 503:
    case 504:
      return "network";
    default:
      return status >= 500 ? "failure" : "usage";
  }
}

function readProblem(body: string): Problem | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("code" in value) || typeof value.code !== "string") {
    return null;
  }
  const record = value as Readonly<Record<string, unknown>>;
  const text = (key: string): string => (typeof record[key] === "string" ? record[key] : "");
  const errors = Array.isArray(record["errors"]) ? (record["errors"] as Problem["errors"]) : [];
  return {
    code: value.code,
    detail: text("detail") || value.code,
    hint: text("hint"),
    requestId: text("request_id"),
    errors,
  };
}
