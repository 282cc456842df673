import type {
  AcceptInvitation,
  CreatedInvitation,
  CreateInvitation,
  Invitation,
  InvitationView,
  Member,
} from "@cronium/protocol/api/members";
import type { Role } from "@cronium/protocol/roles";
import { queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { keys } from "./keys.ts";
import type { Page } from "./page.ts";

export const membersQuery = () =>
  queryOptions({
    queryKey: keys.members(),
    queryFn: ({ signal }) => request<Page<Member>>(apiPaths.members(), { signal }),
  });

export const invitationsQuery = () =>
  queryOptions({
    queryKey: keys.invitations(),
    queryFn: ({ signal }) => request<Page<Invitation>>(apiPaths.invitations(), { signal }),
  });

/** Throws `version_conflict` when somebody else changed the member's role meanwhile. */
export function changeRole({ userId, version }: Member, role: Role): Promise<Member> {
  return request<Member>(apiPaths.member(userId), { method: "PATCH", body: { role }, ifMatch: version });
}

/** Throws `version_conflict` when somebody changed the member's role meanwhile. */
export function removeMember({ userId, version }: Member): Promise<void> {
  return request(apiPaths.member(userId), { method: "DELETE", ifMatch: version });
}

export function leaveWorkspace(): Promise<void> {
  return request(apiPaths.leave(), { method: "POST" });
}

/** The answer is the only time the link is shown. */
export function invite(body: CreateInvitation): Promise<CreatedInvitation> {
  return request<CreatedInvitation>(apiPaths.invitations(), { method: "POST", body });
}

export function withdrawInvitation(id: string): Promise<void> {
  return request(apiPaths.invitation(id), { method: "DELETE" });
}

export function lookUpInvitation(token: string): Promise<InvitationView> {
  return request<InvitationView>(apiPaths.invitationLookUp(), { method: "POST", body: { token } });
}

/** Joins and signs in. */
export function acceptInvitation(body: AcceptInvitation): Promise<unknown> {
  return request(apiPaths.invitationAccept(), { method: "POST", body });
}
