/** `cronium-runner policy`: what the local policy allows, and whether a file is a policy. */
import { exitCodes } from "../base/exit-error.ts";
import type { Config } from "../config.ts";
import { loadPolicy, type Policy } from "../policy.ts";
import { show } from "./output.ts";

/** Throws `ExitError` with `usage` and the place when the file is no policy. */
export function policyCommand(config: Config, json: boolean): number {
  const policy = loadPolicy(config.policyFiles, config.policyRequired);
  show(json, { ...policy, looked: config.policyFiles }, () => policyText(policy, config.policyFiles));
  return exitCodes.ok;
}

function policyText(policy: Policy, looked: readonly string[]): string {
  const { path, ...rules } = policy;
  const from =
    path === null ? `No policy file (${looked.join(", ")}): the defaults hold.` : `${path} is a valid policy.`;
  const lines = Object.entries(rules).map(([name, rule]) => `${name}: ${ruleText(rule)}`);
  return [from, "", ...lines].join("\n");
}

function ruleText(rule: unknown): string {
  if (rule === null) {
    return "not limited";
  }
  const empty = typeof rule === "object" && rule !== null && Object.keys(rule).length === 0;
  return empty ? "none" : JSON.stringify(rule);
}
