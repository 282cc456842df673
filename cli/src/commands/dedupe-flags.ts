/** What makes a delivery a repeat, as it is typed: `--dedupe`, `--dedupe-window`. */
import { DEFAULT_DEDUPE_WINDOW_MS, type Dedupe } from "@cronium/protocol/endpoint";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";

/** Undefined where neither is given; null for what the kind of verification names. */
export function dedupeFlags(input: Input): Dedupe | null | undefined {
  const rule = input.text("dedupe");
  const windowMs = input.duration("dedupe-window");
  if (windowMs !== undefined && rule !== undefined && rule !== "body") {
    throw new ExitError("usage", `--dedupe-window goes with --dedupe body, not ${rule}.`, "Leave one of them out.");
  }
  if (rule === undefined && windowMs === undefined) {
    return undefined;
  }
  const [by = "", ...rest] = (rule ?? "body").split("=");
  const value = rest.join("=");
  switch (by) {
    case "default":
      return null;
    case "none":
      return { by };
    case "body":
      return { by, windowMs: windowMs ?? DEFAULT_DEDUPE_WINDOW_MS };
    case "header":
      return { by, header: value };
    case "field":
      return { by, pointer: value };
    default:
      throw new ExitError(
        "usage",
        `--dedupe is ${JSON.stringify(rule)}.`,
        "Give default, body, none, header=X-Id or field=/event/id.",
      );
  }
}
