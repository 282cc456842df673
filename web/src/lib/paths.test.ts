import { test } from "vitest";
import { apiPaths, paths, safeReturnPath } from "./paths.ts";

test("every path of the dashboard and the API is as it was published", ({ expect }) => {
  const shown = (table: Readonly<Record<string, (id: never) => string>>) =>
    Object.fromEntries(Object.entries(table).map(([name, path]) => [name, path("an id/1" as never)]));
  expect(shown(paths)).toMatchInlineSnapshot(`
    {
      "accountLink": "/link",
      "bulk": "/runs/bulk/an%20id%2F1",
      "claim": "/claim",
      "device": "/device",
      "editEvent": "/events/an%20id%2F1/edit",
      "event": "/events/an%20id%2F1",
      "events": "/events",
      "forgot": "/forgot",
      "home": "/",
      "join": "/join",
      "newEvent": "/events/new",
      "register": "/register",
      "run": "/runs/an%20id%2F1",
      "runners": "/runners",
      "runs": "/runs",
      "settings": "/settings",
      "signIn": "/sign-in",
    }
  `);
  expect(shown(apiPaths)).toMatchInlineSnapshot(`
    {
      "accountLink": "/api/v1/account-links/an id/1",
      "activateWorkspace": "/api/v1/workspaces/activate",
      "apiKey": "/api/v1/api-keys/an%20id%2F1",
      "apiKeys": "/api/v1/api-keys",
      "audit": "/api/v1/audit",
      "auditExport": "/api/v1/audit/export",
      "auditVerify": "/api/v1/audit/verify",
      "bulk": "/api/v1/bulk",
      "bulkStop": "/api/v1/bulk/an%20id%2F1/cancel",
      "bulkWork": "/api/v1/bulk/an%20id%2F1",
      "claim": "/api/v1/claim",
      "device": "/api/v1/device/an id/1",
      "emailConfirmation": "/api/v1/account/email-confirmation",
      "endOtherSessions": "/api/v1/sessions/end-others",
      "event": "/api/v1/events/an%20id%2F1",
      "eventRuns": "/api/v1/events/an%20id%2F1/runs",
      "eventVersions": "/api/v1/events/an%20id%2F1/versions",
      "events": "/api/v1/events",
      "finishSignIn": "/api/v1/sign-in/second-factor",
      "invitation": "/api/v1/invitations/an%20id%2F1",
      "invitationAccept": "/api/v1/invitations/accept",
      "invitationLookUp": "/api/v1/invitations/look-up",
      "invitations": "/api/v1/invitations",
      "leave": "/api/v1/members/leave",
      "leaveForProvider": "/api/v1/sign-in/providers/an%20id%2F1",
      "liveTickets": "/api/v1/live-tickets",
      "me": "/api/v1/me",
      "member": "/api/v1/members/an%20id%2F1",
      "members": "/api/v1/members",
      "messageLink": "/api/v1/messages/an%20id%2F1/link",
      "messages": "/api/v1/messages",
      "ownAccount": "/api/v1/account",
      "passkey": "/api/v1/account/passkeys/an%20id%2F1",
      "passkeys": "/api/v1/account/passkeys",
      "password": "/api/v1/password",
      "passwordResets": "/api/v1/password-resets",
      "proof": "/api/v1/proof",
      "registrationToken": "/api/v1/registration-tokens/an%20id%2F1",
      "registrationTokens": "/api/v1/registration-tokens",
      "registrations": "/api/v1/registrations",
      "run": "/api/v1/runs/an%20id%2F1",
      "runArtifacts": "/api/v1/runs/an%20id%2F1/artifacts",
      "runCancel": "/api/v1/runs/an%20id%2F1/cancel",
      "runLive": "/api/v1/runs/an%20id%2F1/live",
      "runLogs": "/api/v1/runs/an%20id%2F1/logs",
      "runRequeue": "/api/v1/runs/an%20id%2F1/requeue",
      "runner": "/api/v1/runners/an%20id%2F1",
      "runnerRelease": "/api/v1/runners/an%20id%2F1/release",
      "runners": "/api/v1/runners",
      "runs": "/api/v1/runs",
      "secondFactor": "/api/v1/account/second-factor",
      "secret": "/api/v1/secrets/an%20id%2F1",
      "secretImport": "/api/v1/secrets/import",
      "secrets": "/api/v1/secrets",
      "session": "/api/v1/sessions/an%20id%2F1",
      "sessions": "/api/v1/sessions",
      "settings": "/api/v1/settings",
      "signIn": "/api/auth/sign-in/email",
      "signInByPasskey": "/api/v1/sign-in/passkey",
      "signInOptions": "/api/v1/sign-in/options",
      "signOut": "/api/auth/sign-out",
      "transferOwnership": "/api/v1/members/transfer-ownership",
      "variable": "/api/v1/variables/an%20id%2F1",
      "variableVersions": "/api/v1/variables/an%20id%2F1/versions",
      "variables": "/api/v1/variables",
      "workspace": "/api/v1/workspace",
      "workspaceDeletion": "/api/v1/workspace/deletion",
      "workspaceExport": "/api/v1/workspace/export",
      "workspaceLive": "/api/v1/live",
      "workspaces": "/api/v1/workspaces",
    }
  `);
});

test("T17 signing in returns to pages of this site alone", ({ expect }) => {
  for (const bad of [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "runs",
    "/sign-in?to=/x",
    "/claim",
    undefined,
  ]) {
    expect(safeReturnPath(bad), bad).toBe("/");
  }
  expect(safeReturnPath("/runs/run_1?tab=result#L3")).toBe("/runs/run_1?tab=result#L3");
});
