/** The second factor of one's own account. */
import type { RecoveryCodes, SecondFactorBegun } from "@cronium/protocol/api/people";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";

/** Throws `proof_required`. The secret is shown until a code of it was given. */
export function beginSecondFactor(): Promise<SecondFactorBegun> {
  return request<SecondFactorBegun>(apiPaths.secondFactor(), { method: "POST" });
}

/** Throws `wrong_code`. The answer is the only time the recovery codes are shown. */
export function confirmSecondFactor(code: string): Promise<RecoveryCodes> {
  return request<RecoveryCodes>(`${apiPaths.secondFactor()}/confirm`, { method: "POST", body: { code } });
}

export function renewRecoveryCodes(): Promise<RecoveryCodes> {
  return request<RecoveryCodes>(`${apiPaths.secondFactor()}/recovery-codes`, { method: "POST" });
}

export function turnOffSecondFactor(): Promise<void> {
  return request(apiPaths.secondFactor(), { method: "DELETE" });
}
