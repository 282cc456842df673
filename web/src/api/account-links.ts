/** What people do before they are signed in, and the messages that an owner hands over. */
import type { Me } from "@cronium/protocol/api/account";
import type {
  AccountLinkView,
  AskRegistration,
  LinkAsked,
  Message,
  MessageLink,
  OwnAccount,
  SignInOptions,
} from "@cronium/protocol/api/people";
import { queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { keys } from "./keys.ts";
import type { Page } from "./page.ts";

export const signInOptionsQuery = () =>
  queryOptions({
    queryKey: keys.signInOptions(),
    queryFn: ({ signal }) => request<SignInOptions>(apiPaths.signInOptions(), { signal }),
    staleTime: 5 * 60_000,
  });

export function askPasswordReset(email: string): Promise<LinkAsked> {
  return request<LinkAsked>(apiPaths.passwordResets(), { method: "POST", body: { email } });
}

export function askRegistration(body: AskRegistration): Promise<LinkAsked> {
  return request<LinkAsked>(apiPaths.registrations(), { method: "POST", body });
}

export function lookUpLink(token: string): Promise<AccountLinkView> {
  return request<AccountLinkView>(apiPaths.accountLink("look-up"), { method: "POST", body: { token } });
}

export function resetPassword(token: string, password: string): Promise<void> {
  return request(apiPaths.accountLink("reset-password"), { method: "POST", body: { token, password } });
}

/** Makes the account and signs in. */
export function registerByLink(token: string): Promise<Me> {
  return request<Me>(apiPaths.accountLink("register"), { method: "POST", body: { token } });
}

export function confirmEmail(token: string): Promise<void> {
  return request(apiPaths.accountLink("confirm-email"), { method: "POST", body: { token } });
}

export const ownAccountQuery = () =>
  queryOptions({
    queryKey: keys.ownAccount(),
    queryFn: ({ signal }) => request<OwnAccount>(apiPaths.ownAccount(), { signal }),
  });

export function askConfirmation(): Promise<LinkAsked> {
  return request<LinkAsked>(apiPaths.emailConfirmation(), { method: "POST" });
}

export const messagesQuery = () =>
  queryOptions({
    queryKey: keys.messages(),
    queryFn: ({ signal }) => request<Page<Message>>(apiPaths.messages(), { signal }),
    // Asked for by people whom no live message announces.
    staleTime: 0,
    refetchInterval: 15_000,
  });

/** Throws `proof_required`. Answers the whole address. */
export async function showMessage(id: string): Promise<string> {
  const { path } = await request<MessageLink>(apiPaths.messageLink(id), { method: "POST" });
  return `${location.origin}${path}`;
}
