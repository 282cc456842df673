/** `/api/v1/members`, `/invitations` and `/workspaces`: who belongs to a workspace, and how they come and go. */
import * as z from "zod";
import { roles } from "../roles.ts";
import { Name } from "../event.ts";
import { idSchema, WorkspaceId } from "../ids.ts";
import { pageOf } from "./page.ts";

export const RoleName = z.enum(roles);
export const UserId = idSchema("user");
export const InvitationId = idSchema("invitation");

const Email = z.email("must be an e-mail address").max(254);
/** What people sign in with: 10 to 256 characters. */
export const Password = z
  .string()
  .min(10, "must have at least 10 characters")
  .max(256, "must have at most 256 characters");

export const Member = z
  .strictObject({
    userId: z.string(),
    name: z.string(),
    email: z.string(),
    role: RoleName,
    joinedAt: z.iso.datetime(),
    /** Raised by each change of the role; `If-Match` guards the next one. */
    version: z.int(),
    /** Whether it is the caller. */
    isYou: z.boolean(),
  })
  .meta({ id: "Member" });
export type Member = z.infer<typeof Member>;
export const MemberPage = pageOf(Member, "MemberPage");

export const UpdateMember = z.strictObject({ role: RoleName }).meta({ id: "UpdateMember" });
export type UpdateMember = z.infer<typeof UpdateMember>;

export const Invitation = z
  .strictObject({
    id: z.string(),
    email: z.string(),
    role: RoleName,
    /** Name of the person who invited, or null when it was a program. */
    invitedBy: z.string().nullable(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    state: z.enum(["open", "accepted", "withdrawn", "expired"]),
  })
  .meta({ id: "Invitation" });
export type Invitation = z.infer<typeof Invitation>;
export const InvitationPage = pageOf(Invitation, "InvitationPage");

export const CreateInvitation = z
  .strictObject({
    email: Email,
    role: RoleName,
    /** Life of the link in days, 1 to 30. */
    expiresInDays: z.int().min(1).max(30).default(7),
  })
  .meta({ id: "CreateInvitation" });
export type CreateInvitation = z.infer<typeof CreateInvitation>;

/** The link is shown once: only the hash of its token is stored. */
export const CreatedInvitation = Invitation.extend({ link: z.string() }).meta({ id: "CreatedInvitation" });
export type CreatedInvitation = z.infer<typeof CreatedInvitation>;

export const InvitationToken = z.strictObject({ token: z.string().max(200) }).meta({ id: "InvitationToken" });

/** What the page of an invitation shows before it is accepted. */
export const InvitationView = z
  .strictObject({
    workspaceName: z.string(),
    email: z.string(),
    role: RoleName,
    /** Whether this address has an account, whose password accepting then asks for. */
    hasAccount: z.boolean(),
  })
  .meta({ id: "InvitationView" });
export type InvitationView = z.infer<typeof InvitationView>;

/** `name` makes a new account; an address that has one gives its password instead. */
export const AcceptInvitation = z
  .strictObject({
    token: z.string().max(200),
    name: Name.optional(),
    password: Password,
    /** Of the second factor, where the account has one. */
    code: z.string().max(40, "must have at most 40 characters").optional(),
  })
  .meta({ id: "AcceptInvitation" });
export type AcceptInvitation = z.infer<typeof AcceptInvitation>;

export const Workspace = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    /** The caller's role in it. */
    role: RoleName,
    /** Raised by each change of its name; `If-Match` guards the next one. */
    version: z.int(),
    /** Whether the caller's requests concern it now. */
    isActive: z.boolean(),
  })
  .meta({ id: "Workspace" });
export type Workspace = z.infer<typeof Workspace>;
export const WorkspacePage = pageOf(Workspace, "WorkspacePage");

export const UpdateWorkspace = z.strictObject({ name: Name }).meta({ id: "UpdateWorkspace" });
export type UpdateWorkspace = z.infer<typeof UpdateWorkspace>;
export const CreateWorkspace = z.strictObject({ name: Name }).meta({ id: "CreateWorkspace" });
export type CreateWorkspace = z.infer<typeof CreateWorkspace>;
/** The name as it is, letter by letter: nobody deletes a workspace by a slip. */
export const DeleteWorkspace = z.strictObject({ name: z.string().max(200) }).meta({ id: "DeleteWorkspace" });
export type DeleteWorkspace = z.infer<typeof DeleteWorkspace>;
export const ActivateWorkspace = z.strictObject({ workspaceId: WorkspaceId }).meta({ id: "ActivateWorkspace" });

export const TransferOwnership = z.strictObject({ userId: UserId }).meta({ id: "TransferOwnership" });
