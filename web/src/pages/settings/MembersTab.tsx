import { mayDo, mayGrant } from "@cronium/protocol/access";
import type { Invitation, Member } from "@cronium/protocol/api/members";
import type { Role } from "@cronium/protocol/roles";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { keys } from "../../api/keys.ts";
import {
  changeRole,
  invitationsQuery,
  leaveWorkspace,
  membersQuery,
  removeMember,
  withdrawInvitation,
} from "../../api/members.ts";
import { ConflictLine } from "../../components/ConflictLine.tsx";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { InviteForm } from "../../forms/InviteForm.tsx";
import { useProven } from "../../forms/ProofDialog.tsx";
import { RoleSelect } from "../../forms/RoleSelect.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";

/** `role` is the viewer's own. */
export function MembersTab({ role }: { readonly role: Role }): ReactNode {
  const query = useQuery(membersQuery());
  const client = useQueryClient();
  const [isInviting, setInviting] = useState(false);
  const [leaving, setLeaving] = useState<Member | null>(null);
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: keys.members() });
  const [chosen, setChosen] = useState<{ readonly member: Member; readonly role: Role } | null>(null);
  const assign = useProven((change: { readonly member: Member; readonly role: Role }) => {
    setChosen(change);
    return changeRole(change.member, change.role);
  }, refresh);
  const newest = async ({ userId }: Member): Promise<Member> => {
    const { items } = await client.fetchQuery({ ...membersQuery(), staleTime: 0 });
    const found = items.find((one) => one.userId === userId);
    if (found === undefined) {
      throw new Error(t("stale.gone"));
    }
    return found;
  };
  const remove = useProven(
    (member: Member) => (member.isYou ? leaveWorkspace() : removeMember(member)),
    async () => {
      setLeaving(null);
      await client.invalidateQueries();
    },
  );
  const mayWrite = mayDo(role, "members:write");
  const columns: readonly Column<Member>[] = [
    {
      key: "name",
      title: t("members.name"),
      grows: true,
      cell: (member) => (
        <span className="flex min-w-0 items-baseline gap-2">
          <span className="truncate font-medium" title={member.name}>
            {member.name}
          </span>
          {member.isYou ? <span className="text-faint">{t("members.you")}</span> : null}
        </span>
      ),
    },
    { key: "email", title: t("members.email"), from: "md", cell: (member) => member.email },
    {
      key: "role",
      title: t("members.role"),
      cell: (member) =>
        mayGrant(role, member.role) ? (
          <RoleSelect
            aria-label={t("members.roleOf", member.name)}
            className="h-7! min-w-32"
            value={member.role}
            by={role}
            disabled={assign.busy}
            onChoose={(next) => assign.run({ member, role: next })}
          />
        ) : (
          t(`role.${member.role}`)
        ),
    },
    { key: "joined", title: t("members.joined"), from: "lg", cell: (member) => <Time at={member.joinedAt} /> },
    {
      key: "remove",
      title: "",
      align: "right",
      cell: (member) =>
        member.isYou || mayGrant(role, member.role) ? (
          <Button
            size="small"
            look="ghost"
            aria-label={`${member.isYou ? t("members.leave") : t("members.remove")} ${member.name}`}
            onClick={() => {
              remove.reset();
              setLeaving(member);
            }}
          >
            {member.isYou ? t("members.leave") : t("members.remove")}
          </Button>
        ) : null,
    },
  ];
  return (
    <>
      <div className="flex items-center gap-3 px-4 py-3 lg:px-6">
        <Button
          look="primary"
          icon={<Plus {...icon} />}
          onClick={() => setInviting(true)}
          blocked={mayWrite ? undefined : t("members.noWrite")}
        >
          {t("members.invite")}
        </Button>
        <ConflictLine
          error={assign.error}
          onReload={async () => {
            await refresh();
            assign.reset();
          }}
          onOverwrite={async () => {
            if (chosen !== null) {
              assign.run({ ...chosen, member: await newest(chosen.member) });
            }
          }}
        />
      </div>
      <Loadable query={query} rows={3}>
        {(page) => (
          <DataTable
            label={t("settings.members")}
            columns={columns}
            rows={page.items}
            rowKey={(member) => member.userId}
          />
        )}
      </Loadable>
      {mayWrite ? <Invitations /> : null}
      {isInviting ? <InviteForm by={role} onClose={() => setInviting(false)} /> : null}
      {leaving === null ? null : (
        <ConfirmDialog
          open
          title={leaving.isYou ? t("members.leaveTitle") : t("members.removeTitle", leaving.name)}
          body={
            <>
              {leaving.isYou ? t("members.leaveBody") : t("members.removeBody")}
              <ConflictLine
                error={remove.error}
                onReload={async () => {
                  await refresh();
                  setLeaving(null);
                }}
                onOverwrite={async () => remove.run(await newest(leaving))}
              />
            </>
          }
          confirm={leaving.isYou ? t("members.leave") : t("members.remove")}
          keep={t("members.keep")}
          busy={remove.busy}
          onConfirm={() => remove.run(leaving)}
          onClose={() => setLeaving(null)}
        />
      )}
      {assign.dialog}
      {remove.dialog}
    </>
  );
}

function Invitations(): ReactNode {
  const query = useQuery(invitationsQuery());
  const client = useQueryClient();
  const withdraw = useMutation({
    mutationFn: withdrawInvitation,
    onSettled: () => client.invalidateQueries({ queryKey: keys.invitations() }),
  });
  const columns: readonly Column<Invitation>[] = [
    { key: "email", title: t("members.email"), grows: true, cell: (invitation) => invitation.email },
    { key: "role", title: t("members.role"), cell: (invitation) => t(`role.${invitation.role}`) },
    { key: "by", title: t("invitations.by"), from: "md", cell: (invitation) => invitation.invitedBy ?? "–" },
    {
      key: "expires",
      title: t("invitations.expires"),
      from: "sm",
      cell: (invitation) => <Time at={invitation.expiresAt} />,
    },
    {
      key: "withdraw",
      title: "",
      align: "right",
      cell: (invitation) => (
        <Button
          size="small"
          look="ghost"
          aria-label={`${t("invitations.withdraw")} ${invitation.email}`}
          onClick={() => withdraw.mutate(invitation.id)}
        >
          {t("invitations.withdraw")}
        </Button>
      ),
    },
  ];
  return (
    <section className="pt-6">
      <h2 className="px-4 pb-1 text-15 font-semibold lg:px-6">{t("invitations.title")}</h2>
      <Loadable query={query} rows={1}>
        {(page) => {
          const open = page.items.filter((invitation) => invitation.state === "open");
          return open.length === 0 ? (
            <p className="px-4 text-dim lg:px-6">{t("invitations.none")}</p>
          ) : (
            <DataTable label={t("invitations.title")} columns={columns} rows={open} rowKey={(one) => one.id} />
          );
        }}
      </Loadable>
      <div className="px-4 lg:px-6">
        <ErrorLine error={withdraw.error} />
      </div>
    </section>
  );
}
