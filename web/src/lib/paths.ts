/** Every address the dashboard links to. Pages and components build links from here and nowhere else. */

export const paths = {
  home: () => "/",
  signIn: () => "/sign-in",
  claim: () => "/claim",
  device: () => "/device",
  join: () => "/join",
  forgot: () => "/forgot",
  register: () => "/register",
  accountLink: () => "/link",
  settings: () => "/settings",
  runs: () => "/runs",
  run: (runId: string) => `/runs/${encodeURIComponent(runId)}`,
  bulk: (bulkId: string) => `/runs/bulk/${encodeURIComponent(bulkId)}`,
  events: () => "/events",
  newEvent: () => "/events/new",
  event: (eventId: string) => `/events/${encodeURIComponent(eventId)}`,
  editEvent: (eventId: string) => `/events/${encodeURIComponent(eventId)}/edit`,
  runners: () => "/runners",
} as const;

/** Addresses of the API, same origin. */
export const apiPaths = {
  signIn: () => "/api/auth/sign-in/email",
  signOut: () => "/api/auth/sign-out",
  signInOptions: () => "/api/v1/sign-in/options",
  passwordResets: () => "/api/v1/password-resets",
  registrations: () => "/api/v1/registrations",
  accountLink: (verb: "look-up" | "reset-password" | "register" | "confirm-email") => `/api/v1/account-links/${verb}`,
  ownAccount: () => "/api/v1/account",
  emailConfirmation: () => "/api/v1/account/email-confirmation",
  leaveForProvider: (id: string) => `/api/v1/sign-in/providers/${encodeURIComponent(id)}`,
  finishSignIn: () => "/api/v1/sign-in/second-factor",
  secondFactor: () => "/api/v1/account/second-factor",
  messages: () => "/api/v1/messages",
  messageLink: (id: string) => `/api/v1/messages/${encodeURIComponent(id)}/link`,
  claim: () => "/api/v1/claim",
  me: () => "/api/v1/me",
  device: (verb: "lookup" | "approve" | "deny") => `/api/v1/device/${verb}`,
  members: () => "/api/v1/members",
  member: (userId: string) => `/api/v1/members/${encodeURIComponent(userId)}`,
  leave: () => "/api/v1/members/leave",
  invitations: () => "/api/v1/invitations",
  invitation: (id: string) => `/api/v1/invitations/${encodeURIComponent(id)}`,
  invitationLookUp: () => "/api/v1/invitations/look-up",
  invitationAccept: () => "/api/v1/invitations/accept",
  workspaces: () => "/api/v1/workspaces",
  activateWorkspace: () => "/api/v1/workspaces/activate",
  apiKeys: () => "/api/v1/api-keys",
  apiKey: (id: string) => `/api/v1/api-keys/${encodeURIComponent(id)}`,
  sessions: () => "/api/v1/sessions",
  session: (id: string) => `/api/v1/sessions/${encodeURIComponent(id)}`,
  endOtherSessions: () => "/api/v1/sessions/end-others",
  proof: () => "/api/v1/proof",
  password: () => "/api/v1/password",
  audit: () => "/api/v1/audit",
  auditVerify: () => "/api/v1/audit/verify",
  auditExport: () => "/api/v1/audit/export",
  secrets: () => "/api/v1/secrets",
  secret: (id: string) => `/api/v1/secrets/${encodeURIComponent(id)}`,
  secretImport: () => "/api/v1/secrets/import",
  variables: () => "/api/v1/variables",
  variable: (id: string) => `/api/v1/variables/${encodeURIComponent(id)}`,
  variableVersions: (id: string) => `/api/v1/variables/${encodeURIComponent(id)}/versions`,
  events: () => "/api/v1/events",
  event: (eventId: string) => `/api/v1/events/${encodeURIComponent(eventId)}`,
  eventVersions: (eventId: string) => `/api/v1/events/${encodeURIComponent(eventId)}/versions`,
  eventRuns: (eventId: string) => `/api/v1/events/${encodeURIComponent(eventId)}/runs`,
  runs: () => "/api/v1/runs",
  run: (runId: string) => `/api/v1/runs/${encodeURIComponent(runId)}`,
  runLogs: (runId: string) => `/api/v1/runs/${encodeURIComponent(runId)}/logs`,
  runLive: (runId: string) => `/api/v1/runs/${encodeURIComponent(runId)}/live`,
  runCancel: (runId: string) => `/api/v1/runs/${encodeURIComponent(runId)}/cancel`,
  runRequeue: (runId: string) => `/api/v1/runs/${encodeURIComponent(runId)}/requeue`,
  bulk: () => "/api/v1/bulk",
  bulkWork: (bulkId: string) => `/api/v1/bulk/${encodeURIComponent(bulkId)}`,
  bulkStop: (bulkId: string) => `/api/v1/bulk/${encodeURIComponent(bulkId)}/cancel`,
  runners: () => "/api/v1/runners",
  runner: (runnerId: string) => `/api/v1/runners/${encodeURIComponent(runnerId)}`,
  runnerRelease: (runnerId: string) => `/api/v1/runners/${encodeURIComponent(runnerId)}/release`,
  registrationTokens: () => "/api/v1/registration-tokens",
  registrationToken: (id: string) => `/api/v1/registration-tokens/${encodeURIComponent(id)}`,
  workspaceLive: () => "/api/v1/live",
  liveTickets: () => "/api/v1/live-tickets",
} as const;

/** Pages for people who are not signed in: nothing on them needs a session, and none is returned to after signing in. */
export const openPages: readonly string[] = [
  paths.signIn(),
  paths.claim(),
  paths.join(),
  paths.forgot(),
  paths.register(),
  paths.accountLink(),
];

/** A path from the address bar that may be returned to after signing in: inside this site, never elsewhere. */
export function safeReturnPath(text: string | undefined): string {
  if (text === undefined || !/^\/(?![/\\])/.test(text) || openPages.some((page) => text.startsWith(page))) {
    return paths.home();
  }
  return text;
}
