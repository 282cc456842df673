import { mayDo } from "@cronium/protocol/access";
import type { Workspace } from "@cronium/protocol/api/members";
import type { Role } from "@cronium/protocol/roles";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { type ReactNode, useState } from "react";
import { signInOptionsQuery } from "../../api/account-links.ts";
import { meQuery, workspacesQuery } from "../../api/account.ts";
import { leaveWorkspace, membersQuery } from "../../api/members.ts";
import type { Page } from "../../api/page.ts";
import { deleteWorkspace, renameWorkspace, settingsQuery, transferOwnership } from "../../api/workspace.ts";
import { ConflictLine } from "../../components/ConflictLine.tsx";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { useProven } from "../../forms/ProofDialog.tsx";
import { SettingsForm } from "../../forms/SettingsForm.tsx";
import { apiPaths, paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button, buttonClasses } from "../../ui/Button.tsx";
import { Field, Input, Select } from "../../ui/Field.tsx";
import { icon } from "../../ui/icons.ts";

/** The workspace itself: its name, a copy of all it holds, and what cannot be undone. `role` is the viewer's own. */
export function WorkspaceTab({ role }: { readonly role: Role }): ReactNode {
  const me = useQuery(meQuery());
  const name = me.data?.workspace.name;
  const isOwner = role === "owner";
  return (
    <div className="flex max-w-[68ch] flex-col gap-8 px-4 py-5 lg:px-6">
      {name !== undefined && isOwner ? (
        <>
          <Rename />
          <Section title={t("zone.export")} help={t("zone.exportHelp")}>
            <a href={apiPaths.workspaceExport()} download className={buttonClasses()}>
              <Download {...icon} />
              {t("zone.exportDo")}
            </a>
          </Section>
          <Transfer />
        </>
      ) : null}
      <Limits role={role} />
      <Leave />
      {name !== undefined && isOwner ? <Delete name={name} /> : null}
    </div>
  );
}

function Section(props: { readonly title: string; readonly help: string; readonly children: ReactNode }): ReactNode {
  return (
    <section aria-label={props.title} className="flex flex-col items-start gap-2">
      <h2 className="text-15 font-semibold">{props.title}</h2>
      <p className="text-dim">{props.help}</p>
      {props.children}
    </section>
  );
}

/** Nothing of the workspace may stay on the page. */
function goHome(): void {
  location.assign(paths.home());
}

function Rename(): ReactNode {
  const active = activeOf(useQuery(workspacesQuery()).data);
  return active === undefined ? null : <RenameForm workspace={active} />;
}

const activeOf = (page: Page<Workspace> | undefined): Workspace | undefined =>
  page?.items.find(({ isActive }) => isActive);

function RenameForm({ workspace }: { readonly workspace: Workspace }): ReactNode {
  // The name of when this was opened: another one meanwhile is a conflict, and does not replace what is being typed.
  const [base, setBase] = useState(workspace);
  const [text, setText] = useState(base.name);
  const client = useQueryClient();
  const adopt = (now: Workspace): void => {
    setBase(now);
    setText(now.name);
  };
  const newest = async (): Promise<Workspace> =>
    activeOf(await client.fetchQuery({ ...workspacesQuery(), staleTime: 0 })) ?? base;
  const rename = useMutation({
    mutationFn: renameWorkspace,
    onSuccess: (renamed) => {
      adopt(renamed);
      return client.invalidateQueries();
    },
  });
  const send = ({ version }: Workspace): void => rename.mutate({ name: text.trim(), version });
  return (
    <Section title={t("zone.name")} help={t("zone.nameHelp")}>
      <form
        noValidate
        className="flex w-full max-w-96 flex-col items-start gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          send(base);
        }}
      >
        <Field label={t("zone.nameLabel")}>
          {(control) => (
            <Input {...control} maxLength={200} value={text} onChange={(event) => setText(event.target.value)} />
          )}
        </Field>
        <ConflictLine
          error={rename.error}
          onReload={async () => {
            adopt(await newest());
            rename.reset();
            await client.invalidateQueries();
          }}
          onOverwrite={async () => send(await newest())}
        />
        <Button
          type="submit"
          busy={rename.isPending}
          blocked={text.trim() === base.name ? t("zone.nameSame") : undefined}
        >
          {t("zone.nameDo")}
        </Button>
      </form>
    </Section>
  );
}

function Limits({ role }: { readonly role: Role }): ReactNode {
  const settings = useQuery({ ...settingsQuery(), enabled: mayDo(role, "settings:read") });
  return settings.data === undefined ? null : (
    <Section title={t("limits.title")} help={t("limits.help")}>
      <SettingsForm settings={settings.data} isFixed={!mayDo(role, "settings:write")} />
    </Section>
  );
}

/** Before the last door closes: what it takes to get in again. Nothing where there is another workspace, or anybody may come. */
function OnlyOne(): ReactNode {
  const workspaces = useQuery(workspacesQuery());
  const options = useQuery(signInOptionsQuery());
  const registration = options.data?.registration;
  if (workspaces.data?.items.length !== 1 || (registration !== "closed" && registration !== "invitation")) {
    return null;
  }
  return (
    <p role="note" className="text-bad">
      {t(registration === "closed" ? "zone.onlyOneClosed" : "zone.onlyOneInvited")}
    </p>
  );
}

function Transfer(): ReactNode {
  const members = useQuery(membersQuery());
  const others = members.data?.items.filter(({ isYou }) => !isYou) ?? [];
  const [chosen, setChosen] = useState("");
  const [isAsking, setAsking] = useState(false);
  const transfer = useProven(transferOwnership, goHome);
  const member = others.find(({ userId }) => userId === chosen);
  return (
    <Section title={t("zone.transfer")} help={t("zone.transferHelp")}>
      <Field label={t("zone.transferTo")}>
        {(control) => (
          <Select {...control} className="min-w-64" value={chosen} onChange={(event) => setChosen(event.target.value)}>
            <option value="">{t("zone.transferNobody")}</option>
            {others.map(({ userId, name, email }) => (
              <option key={userId} value={userId}>
                {name} ({email})
              </option>
            ))}
          </Select>
        )}
      </Field>
      <ErrorLine error={transfer.error} />
      <Button
        busy={transfer.busy}
        blocked={member === undefined ? t("zone.transferChoose") : undefined}
        onClick={() => setAsking(true)}
      >
        {t("zone.transferDo")}
      </Button>
      {isAsking && member !== undefined ? (
        <ConfirmDialog
          open
          title={t("zone.transferTitle", member.name)}
          body={t("zone.transferBody")}
          confirm={t("zone.transferDo")}
          keep={t("values.keep")}
          onConfirm={() => {
            setAsking(false);
            transfer.run(member.userId);
          }}
          onClose={() => setAsking(false)}
        />
      ) : null}
      {transfer.dialog}
    </Section>
  );
}

function Leave(): ReactNode {
  const [isAsking, setAsking] = useState(false);
  const leave = useMutation({ mutationFn: leaveWorkspace, onSuccess: goHome, onSettled: () => setAsking(false) });
  return (
    <Section title={t("members.leaveTitle")} help={t("members.leaveBody")}>
      <OnlyOne />
      <ErrorLine error={leave.error} />
      <Button look="danger" busy={leave.isPending} onClick={() => setAsking(true)}>
        {t("members.leave")}
      </Button>
      {isAsking ? (
        <ConfirmDialog
          open
          title={t("members.leaveTitle")}
          body={t("members.leaveBody")}
          confirm={t("members.leave")}
          keep={t("members.keep")}
          busy={leave.isPending}
          onConfirm={() => leave.mutate()}
          onClose={() => setAsking(false)}
        />
      ) : null}
    </Section>
  );
}

function Delete({ name }: { readonly name: string }): ReactNode {
  const [typed, setTyped] = useState("");
  const remove = useProven(deleteWorkspace, goHome);
  return (
    <Section title={t("zone.delete")} help={t("zone.deleteHelp")}>
      <OnlyOne />
      <form
        noValidate
        autoComplete="off"
        className="flex w-full max-w-96 flex-col items-start gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === name) {
            remove.run(typed);
          }
        }}
      >
        <Field label={t("zone.deleteLabel", name)}>
          {(control) => (
            <Input {...control} spellCheck={false} value={typed} onChange={(event) => setTyped(event.target.value)} />
          )}
        </Field>
        <ErrorLine error={remove.error} />
        <Button
          type="submit"
          look="danger"
          busy={remove.busy}
          blocked={typed === name ? undefined : t("zone.deleteType")}
        >
          {t("zone.deleteDo")}
        </Button>
      </form>
      {remove.dialog}
    </Section>
  );
}
