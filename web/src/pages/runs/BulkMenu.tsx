import { bulkPermissions, mayDo } from "@cronium/protocol/access";
import type { BulkAction } from "@cronium/protocol/api/bulk";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ListChecks } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { meQuery, roleOf } from "../../api/account.ts";
import { bulkPreviewQuery, startBulk } from "../../api/bulk.ts";
import { eventQuery } from "../../api/events.ts";
import type { RunFilter } from "../../api/keys.ts";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { filterFacts } from "../../components/filter-facts.tsx";
import { paths } from "../../lib/paths.ts";
import { idempotencyKey } from "../../lib/random.ts";
import { t } from "../../lib/text.ts";
import { Button, buttonClasses } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Facts } from "../../ui/Facts.tsx";
import { icon } from "../../ui/icons.ts";
import { Menu, MenuItem } from "../../ui/Menu.tsx";
import { target } from "../../ui/TextLink.tsx";

const ACTIONS = ["cancel", "retry", "requeue"] as const satisfies readonly BulkAction[];

/** What may be done with all runs that the filter finds; not there for who may do nothing of it. */
export function BulkMenu({ filter }: { readonly filter: RunFilter }): ReactNode {
  const [asked, setAsked] = useState<BulkAction | null>(null);
  const role = roleOf(useQuery(meQuery()).data);
  const allowed = ACTIONS.filter((action) => role !== undefined && mayDo(role, bulkPermissions[action]));
  if (allowed.length === 0) {
    return null;
  }
  return (
    <>
      <Menu
        trigger={
          <button type="button" className={buttonClasses("plain", "small")} title={t("bulk.menuHelp")}>
            <ListChecks {...icon} />
            {t("bulk.menu")}
          </button>
        }
      >
        {allowed.map((action) => (
          <MenuItem key={action} onClick={() => setAsked(action)}>
            {t(`bulk.${action}`)}
          </MenuItem>
        ))}
      </Menu>
      {asked === null ? null : <BulkDialog action={asked} filter={filter} onClose={() => setAsked(null)} />}
    </>
  );
}

interface BulkDialogProps {
  readonly action: BulkAction;
  readonly filter: RunFilter;
  readonly onClose: () => void;
}

/** Says how many runs it would be before it begins; where it goes on has an address of its own. */
function BulkDialog({ action, filter, onClose }: BulkDialogProps): ReactNode {
  const keepRef = useRef<HTMLButtonElement>(null);
  const [key] = useState(idempotencyKey);
  const navigate = useNavigate();
  const preview = useQuery(bulkPreviewQuery(action, filter));
  const { eventId, state, deadLetter } = filter;
  const event = useQuery({ ...eventQuery(eventId ?? ""), enabled: eventId !== undefined });
  const start = useMutation({
    mutationFn: () => startBulk(action, filter, key),
    onSuccess: ({ bulkId }) => navigate(target(paths.bulk(bulkId))),
  });
  const count = preview.data === undefined ? null : t("bulk.count", preview.data.matched, preview.data.exact);
  const words = {
    ...(state === undefined ? {} : { state: [state] }),
    ...(eventId === undefined ? {} : { eventId }),
    ...(deadLetter === true ? { deadLetter } : {}),
  };
  const blocked = count === null ? t("bulk.counting") : preview.data?.matched === 0 ? t("bulk.nothing") : undefined;
  return (
    <Dialog
      open
      onClose={onClose}
      title={t(`bulk.${action}.title`)}
      initialFocus={keepRef}
      footer={
        <>
          <Button ref={keepRef} onClick={onClose}>
            {t("bulk.keep")}
          </Button>
          <Button
            look={action === "cancel" ? "danger" : "primary"}
            busy={start.isPending}
            blocked={blocked}
            onClick={() => start.mutate()}
          >
            {t(`bulk.${action}.confirm`, count ?? "")}
          </Button>
        </>
      }
    >
      <div className="flex max-w-[60ch] flex-col gap-3">
        <p>{t(`bulk.${action}.body`)}</p>
        <Facts
          rows={[
            ...filterFacts({ filter: words, eventName: event.data?.name }),
            [
              t("bulk.found"),
              <span aria-live="polite" className="font-medium">
                {count ?? (preview.error === null ? t("bulk.counting") : "–")}
              </span>,
            ],
          ]}
        />
        <ErrorLine error={preview.error ?? start.error} />
      </div>
    </Dialog>
  );
}
