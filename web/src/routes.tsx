/** Which address shows which page, and what each reads from the address. */
import {
  Outlet,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { type DeliveryVerdict, deliveryVerdicts } from "@cronium/protocol/webhook-tables";
import { day, runState, oneOf, text, wholeNumber } from "./lib/search.ts";
import { paths } from "./lib/paths.ts";
import { SignInPage } from "./pages/account/SignInPage.tsx";
import { CrashPage } from "./pages/CrashPage.tsx";
import { EventsPage } from "./pages/events/EventsPage.tsx";
import { NotFoundPage } from "./pages/NotFoundPage.tsx";
import { runTabs } from "./pages/runs/run-tabs.ts";
import { RunsPage } from "./pages/runs/RunsPage.tsx";
import { Shell } from "./pages/Shell.tsx";
import { target } from "./ui/TextLink.tsx";

type Search = Record<string, unknown>;

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFoundPage, errorComponent: CrashPage });

const signIn = createRoute({
  getParentRoute: () => root,
  path: paths.signIn(),
  validateSearch: (search: Search) => ({
    to: text(search["to"]),
    problem: oneOf(search["problem"], [
      "provider_failed",
      "provider_refused",
      "email_unverified",
      "email_unconfirmed",
      "registration_closed",
    ]),
  }),
  component: SignInPage,
});

const claim = createRoute({
  getParentRoute: () => root,
  path: paths.claim(),
  component: lazyRouteComponent(() => import("./pages/account/ClaimPage.tsx"), "ClaimPage"),
});

const device = createRoute({
  getParentRoute: () => root,
  path: paths.device(),
  component: lazyRouteComponent(() => import("./pages/account/DevicePage.tsx"), "DevicePage"),
});

const join = createRoute({
  getParentRoute: () => root,
  path: paths.join(),
  component: lazyRouteComponent(() => import("./pages/account/JoinPage.tsx"), "JoinPage"),
});

const forgot = createRoute({
  getParentRoute: () => root,
  path: paths.forgot(),
  component: lazyRouteComponent(() => import("./pages/account/ForgotPage.tsx"), "ForgotPage"),
});

const register = createRoute({
  getParentRoute: () => root,
  path: paths.register(),
  component: lazyRouteComponent(() => import("./pages/account/RegisterPage.tsx"), "RegisterPage"),
});

const accountLink = createRoute({
  getParentRoute: () => root,
  path: paths.accountLink(),
  component: lazyRouteComponent(() => import("./pages/account/LinkPage.tsx"), "LinkPage"),
});

const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

const home = createRoute({
  getParentRoute: () => shell,
  path: paths.home(),
  beforeLoad: () => {
    throw redirect({ ...target(paths.runs()), replace: true });
  },
});

const runs = createRoute({
  getParentRoute: () => shell,
  path: paths.runs(),
  validateSearch: (search: Search) => ({
    state: runState(search["state"]),
    eventId: text(search["eventId"]),
    deadLetter: search["deadLetter"] === true || search["deadLetter"] === "true" ? (true as const) : undefined,
  }),
  component: RunsPage,
});

const run = createRoute({
  getParentRoute: () => shell,
  path: "/runs/$runId",
  validateSearch: (search: Search) => ({
    tab: oneOf(search["tab"], runTabs),
    attempt: wholeNumber(search["attempt"]),
    stream: oneOf(search["stream"], ["stdout", "stderr", "system"]),
    level: oneOf(search["level"], ["error", "warning"]),
    fold: text(search["fold"]),
  }),
  component: lazyRouteComponent(() => import("./pages/runs/RunPage.tsx"), "RunPage"),
});

const bulk = createRoute({
  getParentRoute: () => shell,
  path: "/runs/bulk/$bulkId",
  component: lazyRouteComponent(() => import("./pages/runs/BulkPage.tsx"), "BulkPage"),
});

const events = createRoute({ getParentRoute: () => shell, path: paths.events(), component: EventsPage });

const newEvent = createRoute({
  getParentRoute: () => shell,
  path: paths.newEvent(),
  component: lazyRouteComponent(() => import("./pages/events/NewEventPage.tsx"), "NewEventPage"),
});

const event = createRoute({
  getParentRoute: () => shell,
  path: "/events/$eventId",
  validateSearch: (search: Search) => ({ tab: oneOf(search["tab"], ["runs", "script", "values", "versions"]) }),
  component: lazyRouteComponent(() => import("./pages/events/EventPage.tsx"), "EventPage"),
});

const editEvent = createRoute({
  getParentRoute: () => shell,
  path: "/events/$eventId/edit",
  component: lazyRouteComponent(() => import("./pages/events/EditEventPage.tsx"), "EditEventPage"),
});

const schedules = createRoute({
  getParentRoute: () => shell,
  path: paths.schedules(),
  validateSearch: (search: Search) => ({
    tab: oneOf(search["tab"], ["schedules", "calendar", "times"]),
    view: oneOf(search["view"], ["week", "month"]),
    day: day(search["day"]),
    at: text(search["at"]),
    decision: oneOf(search["decision"], ["run", "skipped", "missed"]),
  }),
  component: lazyRouteComponent(() => import("./pages/schedules/SchedulesPage.tsx"), "SchedulesPage"),
});

const schedule = createRoute({
  getParentRoute: () => shell,
  path: "/schedules/$scheduleId",
  validateSearch: (search: Search) => ({ why: text(search["why"]) }),
  component: lazyRouteComponent(() => import("./pages/schedules/SchedulePage.tsx"), "SchedulePage"),
});

const webhooks = createRoute({
  getParentRoute: () => shell,
  path: paths.webhooks(),
  validateSearch: (search: Search) => ({
    tab: oneOf(search["tab"], ["endpoints", "deliveries"]),
    endpointId: text(search["endpointId"]),
    deliveryId: text(search["deliveryId"]),
    verdict: oneOf(search["verdict"], Object.keys(deliveryVerdicts) as DeliveryVerdict[]),
  }),
  component: lazyRouteComponent(() => import("./pages/webhooks/WebhooksPage.tsx"), "WebhooksPage"),
});

const runners = createRoute({
  getParentRoute: () => shell,
  path: paths.runners(),
  validateSearch: (search: Search) => ({ add: search["add"] === true || search["add"] === "true" ? true : undefined }),
  component: lazyRouteComponent(() => import("./pages/runners/RunnersPage.tsx"), "RunnersPage"),
});

const runner = createRoute({
  getParentRoute: () => shell,
  path: "/runners/$runnerId",
  component: lazyRouteComponent(() => import("./pages/runners/RunnerPage.tsx"), "RunnerPage"),
});

/** Any other address: said within the frame, so that the way on is there. */
const unknown = createRoute({ getParentRoute: () => shell, path: "$", component: NotFoundPage });

const settings = createRoute({
  getParentRoute: () => shell,
  path: paths.settings(),
  validateSearch: (search: Search) => ({
    tab: oneOf(search["tab"], ["members", "values", "keys", "tokens", "account", "messages", "audit", "workspace"]),
    verb: text(search["verb"]),
    actor: text(search["actor"]),
    target: text(search["target"]),
    from: day(search["from"]),
    to: day(search["to"]),
  }),
  component: lazyRouteComponent(() => import("./pages/settings/SettingsPage.tsx"), "SettingsPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    claim,
    device,
    join,
    forgot,
    register,
    accountLink,
    shell.addChildren([
      home,
      runs,
      run,
      bulk,
      events,
      newEvent,
      event,
      editEvent,
      schedules,
      schedule,
      webhooks,
      runners,
      runner,
      settings,
      unknown,
    ]),
  ]),
  defaultPreload: "intent",
  defaultErrorComponent: CrashPage,
  defaultNotFoundComponent: NotFoundPage,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
