/** Which routes exist. A new resource adds its router here. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { AppEnv } from "./context.ts";
import { accountRoutes } from "./routes/account.ts";
import { apiKeyRoutes } from "./routes/api-keys.ts";
import { artifactRoutes } from "./routes/artifacts.ts";
import { auditRoutes } from "./routes/audit.ts";
import { bulkRoutes } from "./routes/bulk.ts";
import { deviceRoutes } from "./routes/device.ts";
import { deliveryRoutes } from "./routes/deliveries.ts";
import { endpointRoutes } from "./routes/endpoints.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { hookRoutes } from "./routes/hooks.ts";
import { installRoutes } from "./routes/install.ts";
import { invitationRoutes } from "./routes/invitations.ts";
import { launcherRoutes } from "./routes/launcher.ts";
import { liveTicketRoutes } from "./routes/live-tickets.ts";
import { liveRoutes } from "./routes/live.ts";
import { memberRoutes } from "./routes/members.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { ownAccountRoutes } from "./routes/own-account.ts";
import { passkeyRoutes } from "./routes/passkeys.ts";
import { providerCallbackRoutes, providerSignInRoutes } from "./routes/provider-sign-in.ts";
import { queueRoutes } from "./routes/queues.ts";
import { registerRoutes } from "./routes/register.ts";
import { registrationTokenRoutes } from "./routes/registration-tokens.ts";
import { messageRoutes } from "./routes/messages.ts";
import { runRoutes } from "./routes/runs.ts";
import { runnerSocketRoutes } from "./routes/runner-sockets.ts";
import { runnerRoutes } from "./routes/runners.ts";
import { occurrenceRoutes } from "./routes/occurrences.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { secretRoutes } from "./routes/secrets.ts";
import { secondFactorRoutes } from "./routes/second-factor.ts";
import { settingsRoutes } from "./routes/settings.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { statsRoutes } from "./routes/stats.ts";
import { wellKnownRoutes } from "./routes/well-known.ts";
import { workspaceRoutes } from "./routes/workspaces.ts";
import { variableRoutes } from "./routes/variables.ts";

type Router = OpenAPIHono<AppEnv>;

/** Mounted at the root. */
export function rootRouters(): Router[] {
  return [
    healthRoutes(),
    metricsRoutes(),
    hookRoutes(),
    installRoutes(),
    launcherRoutes(),
    wellKnownRoutes(),
    sessionRoutes(),
    providerCallbackRoutes(),
  ];
}

/** Mounted at /api/v1. */
export function apiRouters(): Router[] {
  return [
    accountRoutes(),
    deviceRoutes(),
    ownAccountRoutes(),
    signInRoutes(),
    providerSignInRoutes(),
    passkeyRoutes(),
    secondFactorRoutes(),
    messageRoutes(),
    workspaceRoutes(),
    memberRoutes(),
    invitationRoutes(),
    apiKeyRoutes(),
    auditRoutes(),
    registrationTokenRoutes(),
    registerRoutes(),
    eventRoutes(),
    runRoutes(),
    artifactRoutes(),
    bulkRoutes(),
    statsRoutes(),
    runnerRoutes(),
    settingsRoutes(),
    queueRoutes(),
    scheduleRoutes(),
    occurrenceRoutes(),
    liveTicketRoutes(),
    secretRoutes(),
    variableRoutes(),
    endpointRoutes(),
    deliveryRoutes(),
    liveRoutes(),
    runnerSocketRoutes(),
  ];
}
