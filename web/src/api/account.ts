import type { ClaimRequest, Me } from "@cronium/protocol/api/account";
import type { Workspace } from "@cronium/protocol/api/members";
import type { Departure, SignedInUser, SignInWaits } from "@cronium/protocol/api/people";
import { type Role, roles } from "@cronium/protocol/roles";
import { queryOptions } from "@tanstack/react-query";
import { ApiError, isApiError } from "../lib/api-error.ts";
import { apiPaths } from "../lib/paths.ts";
import { t } from "../lib/text.ts";
import { request } from "./http.ts";
import { keys } from "./keys.ts";
import type { Page } from "./page.ts";

export const meQuery = () =>
  queryOptions({
    queryKey: keys.me(),
    queryFn: ({ signal }) => request<Me>(apiPaths.me(), { signal }),
    staleTime: 5 * 60_000,
  });

/** Undefined while it is not known, and for a role that this page does not know yet. */
export function roleOf(me: Me | undefined): Role | undefined {
  return roles.find((known) => known === me?.role);
}

/**
 * Null: signed in. Else the token for `finishSignIn`. Throws `sign_in_failed` when e-mail or password is wrong; one
 * answer for both.
 */
export async function signIn(email: string, password: string): Promise<string | null> {
  try {
    const answer = await request<SignedInUser | SignInWaits>(apiPaths.signIn(), {
      method: "POST",
      body: { email, password },
    });
    return "secondFactor" in answer ? answer.secondFactor.token : null;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      throw new ApiError({
        code: "sign_in_failed",
        status: 401,
        detail: t("signIn.wrong"),
        hint: t("signIn.wrongHint"),
        cause: error,
      });
    }
    throw error;
  }
}

/** Where the browser goes to sign in there. */
export async function leaveForProvider(id: string, returnTo: string): Promise<string> {
  const { url } = await request<Departure>(apiPaths.leaveForProvider(id), { method: "POST", body: { returnTo } });
  return url;
}

/** Throws `wrong_code`, or `invalid_sign_in` when it has to begin again. */
export function finishSignIn(token: string, code: string): Promise<SignedInUser> {
  return request<SignedInUser>(apiPaths.finishSignIn(), { method: "POST", body: { token, code } });
}

/** A session that has ended already counts as signed out. */
export async function signOut(): Promise<void> {
  try {
    await request(apiPaths.signOut(), { method: "POST", body: {} });
  } catch (error) {
    if (!isApiError(error, "unauthorized")) {
      throw error;
    }
  }
}

/** Those of the signed-in person. */
export const workspacesQuery = () =>
  queryOptions({
    queryKey: keys.workspaces(),
    queryFn: ({ signal }) => request<Page<Workspace>>(apiPaths.workspaces(), { signal }),
    staleTime: 5 * 60_000,
  });

/** What this browser looks at from now on. */
export function activateWorkspace(workspaceId: string): Promise<Workspace> {
  return request<Workspace>(apiPaths.activateWorkspace(), { method: "POST", body: { workspaceId } });
}

export function claim(input: ClaimRequest): Promise<unknown> {
  return request(apiPaths.claim(), { method: "POST", body: input });
}
