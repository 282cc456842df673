import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  AlarmClock,
  CalendarClock,
  CircleUserRound,
  History,
  LogOut,
  type LucideIcon,
  Monitor,
  Moon,
  Server,
  Settings,
  Sun,
  Webhook,
} from "lucide-react";
import { type ReactNode, useState } from "react";
import { activateWorkspace, meQuery, signOut, workspacesQuery } from "../api/account.ts";
import { useWorkspaceLive } from "../api/workspace-live.ts";
import { ConnectionBanner } from "../components/ConnectionBanner.tsx";
import { ErrorPanel } from "../components/ErrorPanel.tsx";
import { Mark } from "../components/Mark.tsx";
import { isApiError } from "../lib/api-error.ts";
import { paths } from "../lib/paths.ts";
import { t } from "../lib/text.ts";
import { type Theme, chooseTheme, currentTheme } from "../lib/theme.ts";
import { classes } from "../ui/classes.ts";
import { icon } from "../ui/icons.ts";
import { Menu, MenuChoice, MenuItem, MenuLine } from "../ui/Menu.tsx";
import { target } from "../ui/TextLink.tsx";

interface Place {
  readonly to: string;
  readonly label: string;
  readonly icon: LucideIcon;
}

const PLACES: readonly Place[] = [
  { to: paths.runs(), label: t("nav.runs"), icon: History },
  { to: paths.events(), label: t("nav.events"), icon: CalendarClock },
  { to: paths.schedules(), label: t("nav.schedules"), icon: AlarmClock },
  { to: paths.webhooks(), label: t("nav.webhooks"), icon: Webhook },
  { to: paths.runners(), label: t("nav.runners"), icon: Server },
  { to: paths.settings(), label: t("nav.settings"), icon: Settings },
];

/** The frame of every page of a signed-in person: places on the left, on phones at the bottom. */
export function Shell(): ReactNode {
  const me = useQuery(meQuery());
  // A missing session is answered in main.tsx, for every request alike, by going to the sign-in page.
  const isSignedOut = isApiError(me.error, "unauthorized");
  if (me.data === undefined) {
    return me.error === null || isSignedOut ? null : <ErrorPanel error={me.error} onRetry={() => void me.refetch()} />;
  }
  return (
    <Frame
      name={me.data.user?.name ?? t("account.apiKey")}
      email={me.data.user?.email ?? ""}
      workspace={me.data.workspace.name}
    />
  );
}

function Frame(props: { readonly name: string; readonly email: string; readonly workspace: string }): ReactNode {
  const status = useWorkspaceLive();
  return (
    <div className="flex min-h-dvh flex-col lg:grid lg:grid-cols-[184px_minmax(0,1fr)]">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:fixed focus:left-2 focus:top-2 focus:z-50 focus:bg-layer focus:px-3 focus:py-2"
      >
        {t("app.skip")}
      </a>
      <header className="flex h-12 items-center gap-2 border-b border-line bg-rail px-4 lg:sticky lg:top-0 lg:h-dvh lg:flex-col lg:items-stretch lg:gap-1 lg:border-b-0 lg:border-r lg:p-2">
        <Link
          {...target(paths.home())}
          className="flex items-center gap-2 rounded-control font-semibold lg:mb-2 lg:h-10 lg:px-2"
          aria-label={t("app.name")}
        >
          <Mark />
          <span className="text-15">{t("app.name")}</span>
        </Link>
        <nav aria-label={t("nav.label")} className="hidden flex-col gap-px lg:flex">
          {PLACES.map((place) => (
            <PlaceLink key={place.to} place={place} className="flex h-8 items-center gap-2 rounded-control px-2" />
          ))}
        </nav>
        <div className="ml-auto lg:ml-0 lg:mt-auto">
          <AccountMenu {...props} />
        </div>
      </header>
      <div className="flex min-w-0 flex-1 flex-col pb-14 lg:h-dvh lg:pb-0">
        <ConnectionBanner isLost={status === "lost"} />
        <main
          id="content"
          tabIndex={-1}
          className="flex min-h-0 min-w-0 flex-1 flex-col outline-none lg:overflow-y-auto"
        >
          <Outlet />
        </main>
      </div>
      <nav
        aria-label={t("nav.label")}
        className="fixed inset-x-0 bottom-0 z-20 grid h-14 grid-flow-col auto-cols-fr border-t border-line bg-rail pb-[env(safe-area-inset-bottom)] lg:hidden"
      >
        {PLACES.map((place) => (
          <PlaceLink
            key={place.to}
            place={place}
            className="flex flex-col items-center justify-center gap-0.5 text-11 -outline-offset-2"
          />
        ))}
      </nav>
    </div>
  );
}

function PlaceLink({ place, className }: { readonly place: Place; readonly className: string }): ReactNode {
  const Icon = place.icon;
  return (
    <Link
      {...target(place.to)}
      className={classes(className, "transition-colors duration-100")}
      activeProps={{ className: "bg-active font-medium text-text" }}
      inactiveProps={{ className: "text-dim hover:bg-hover hover:text-text" }}
    >
      <Icon {...icon} />
      {place.label}
    </Link>
  );
}

function AccountMenu({
  name,
  email,
  workspace,
}: {
  readonly name: string;
  readonly email: string;
  readonly workspace: string;
}): ReactNode {
  const [theme, setTheme] = useState<Theme>(currentTheme);
  const client = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: signOut,
    onSuccess: async () => {
      await navigate(target(paths.signIn()));
      client.clear();
    },
  });
  return (
    <Menu
      align="start"
      side="top"
      trigger={
        <button
          type="button"
          className="hit flex w-full min-w-0 items-center gap-2 rounded-control px-2 py-1 text-left hover:bg-hover lg:min-h-10"
        >
          <CircleUserRound {...icon} className="shrink-0 text-dim" />
          <span className="sr-only">{t("account.menu")}</span>
          <span className="hidden min-w-0 flex-col lg:flex">
            <span className="truncate text-12 font-medium leading-4">{name}</span>
            <span className="truncate text-11 text-faint">{workspace}</span>
          </span>
        </button>
      }
    >
      <div className="max-w-64 px-2 py-1.5">
        <div className="truncate font-medium">{name}</div>
        <div className="truncate text-12 text-faint">{email}</div>
      </div>
      <WorkspaceChoice />
      <MenuLine />
      <MenuChoice
        label={t("theme.label")}
        value={theme}
        choices={[
          { value: "system", label: t("theme.system"), icon: <Monitor {...icon} /> },
          { value: "light", label: t("theme.light"), icon: <Sun {...icon} /> },
          { value: "dark", label: t("theme.dark"), icon: <Moon {...icon} /> },
        ]}
        onChoose={(next) => {
          chooseTheme(next);
          setTheme(next);
        }}
      />
      <MenuLine />
      <MenuItem icon={<LogOut {...icon} />} onClick={() => leave.mutate()}>
        {t("signOut.action")}
      </MenuItem>
    </Menu>
  );
}

/** Moves to another workspace; not there for who has one alone. */
function WorkspaceChoice(): ReactNode {
  const { data } = useQuery(workspacesQuery());
  const client = useQueryClient();
  const move = useMutation({
    mutationFn: activateWorkspace,
    // Nothing of the other workspace may stay on the page, its live socket included.
    onSuccess: () => {
      client.clear();
      location.assign(paths.home());
    },
  });
  const spaces = data?.items ?? [];
  const active = spaces.find((workspace) => workspace.isActive);
  return active === undefined || spaces.length < 2 ? null : (
    <>
      <MenuLine />
      <MenuChoice
        label={t("workspace.label")}
        value={active.id}
        choices={spaces.map((workspace) => ({ value: workspace.id, label: workspace.name }))}
        onChoose={(id) => move.mutate(id)}
      />
    </>
  );
}
