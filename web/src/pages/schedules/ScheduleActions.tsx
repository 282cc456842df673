import { type Permission, mayDo } from "@cronium/protocol/access";
import type { Schedule } from "@cronium/protocol/schedule";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CalendarSync, Pause, Pencil, Play, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { meQuery, roleOf } from "../../api/account.ts";
import { keys } from "../../api/keys.ts";
import { deleteSchedule } from "../../api/schedules.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { BackfillForm } from "../../forms/BackfillForm.tsx";
import { PauseScheduleForm } from "../../forms/PauseScheduleForm.tsx";
import { ResumeScheduleForm } from "../../forms/ResumeScheduleForm.tsx";
import { ScheduleForm } from "../../forms/ScheduleForm.tsx";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";
import { target } from "../../ui/TextLink.tsx";

/** What can be done with a schedule; what the role forbids stays there and says so. */
export function ScheduleActions({ schedule }: { readonly schedule: Schedule }): ReactNode {
  const [asked, setAsked] = useState<"pause" | "resume" | "backfill" | "edit" | "delete" | null>(null);
  const close = (): void => setAsked(null);
  const me = useQuery(meQuery());
  const role = roleOf(me.data);
  const blocked = (permission: Permission): string | undefined =>
    role !== undefined && !mayDo(role, permission) ? t("schedule.forbidden", role) : undefined;
  return (
    <>
      {schedule.state === "paused" ? (
        <Button icon={<Play {...icon} />} blocked={blocked("schedules:pause")} onClick={() => setAsked("resume")}>
          {t("schedules.resume")}
        </Button>
      ) : (
        <Button
          icon={<Pause {...icon} />}
          blocked={schedule.state === "ended" ? t("schedule.ended") : blocked("schedules:pause")}
          onClick={() => setAsked("pause")}
        >
          {t("schedule.pause")}
        </Button>
      )}
      <Button icon={<CalendarSync {...icon} />} blocked={blocked("runs:trigger")} onClick={() => setAsked("backfill")}>
        {t("schedule.backfill")}
      </Button>
      <Button
        look="danger"
        icon={<Trash2 {...icon} />}
        blocked={blocked("schedules:write")}
        onClick={() => setAsked("delete")}
      >
        {t("schedule.delete")}
      </Button>
      <Button
        look="primary"
        icon={<Pencil {...icon} />}
        blocked={blocked("schedules:write")}
        onClick={() => setAsked("edit")}
      >
        {t("schedule.edit")}
      </Button>
      {asked === "pause" ? <PauseScheduleForm schedule={schedule} onClose={close} /> : null}
      {asked === "resume" ? <ResumeScheduleForm schedule={schedule} onClose={close} /> : null}
      {asked === "backfill" ? <BackfillForm schedule={schedule} onClose={close} /> : null}
      {asked === "edit" ? <ScheduleForm schedule={schedule} onClose={close} /> : null}
      {asked === "delete" ? <DeleteDialog schedule={schedule} onClose={close} /> : null}
    </>
  );
}

function DeleteDialog({ schedule, onClose }: { readonly schedule: Schedule; readonly onClose: () => void }): ReactNode {
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: deleteSchedule,
    onSuccess: async () => {
      await navigate(target(paths.schedules()));
      client.removeQueries({ queryKey: keys.schedule(schedule.id) });
      await client.invalidateQueries({ queryKey: keys.schedules() });
    },
  });
  return (
    <ConfirmDialog
      open
      title={t("schedule.deleteTitle", schedule.name)}
      body={
        <>
          {t("schedule.deleteBody")}
          <ErrorLine error={remove.error} />
        </>
      }
      confirm={t("schedule.delete")}
      keep={t("schedule.keep")}
      busy={remove.isPending}
      onConfirm={() => remove.mutate(schedule)}
      onClose={onClose}
    />
  );
}
