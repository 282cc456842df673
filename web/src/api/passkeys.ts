import type { Passkey, PasskeyOptions } from "@cronium/protocol/api/passkeys";
import type { SignedInUser } from "@cronium/protocol/api/people";
import { queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { makePasskey, askForPasskey } from "../lib/webauthn.ts";
import { request } from "./http.ts";
import { keys } from "./keys.ts";
import type { Page } from "./page.ts";

export const passkeysQuery = () =>
  queryOptions({
    queryKey: keys.passkeys(),
    queryFn: ({ signal }) => request<Page<Passkey>>(apiPaths.passkeys(), { signal }),
  });

/** Asks the browser to make one. Throws `proof_required` before it does. */
export async function addPasskey(name: string): Promise<Passkey> {
  const options = await request<PasskeyOptions>(`${apiPaths.passkeys()}/options`, { method: "POST" });
  const credential = await makePasskey(options);
  return request<Passkey>(apiPaths.passkeys(), { method: "POST", body: { name, credential } });
}

export function removePasskey(id: string): Promise<void> {
  return request(apiPaths.passkey(id), { method: "DELETE" });
}

/** Throws `passkey_failed`. */
export async function signInByPasskey(): Promise<SignedInUser> {
  const options = await request<PasskeyOptions>(`${apiPaths.signInByPasskey()}/options`, { method: "POST" });
  const body = await askForPasskey(options);
  return request<SignedInUser>(apiPaths.signInByPasskey(), { method: "POST", body });
}
