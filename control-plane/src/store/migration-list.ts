/** Every migration, oldest first. `npm run db:generate` writes this file. */
import initial0001 from "../../../migrations/0001_initial.sql";
import runListFilters0002 from "../../../migrations/0002_run_list_filters.sql";
import deviceLogins0003 from "../../../migrations/0003_device_logins.sql";
import peopleAndAudit0004 from "../../../migrations/0004_people_and_audit.sql";
import liveTickets0005 from "../../../migrations/0005_live_tickets.sql";
import namedValues0006 from "../../../migrations/0006_named_values.sql";
import deadLetters0007 from "../../../migrations/0007_dead_letters.sql";
import accountLinks0008 from "../../../migrations/0008_account_links.sql";
import registrationTokenKinds0009 from "../../../migrations/0009_registration_token_kinds.sql";
import secondFactors0010 from "../../../migrations/0010_second_factors.sql";
import providerSignIns0011 from "../../../migrations/0011_provider_sign_ins.sql";
import workspaceDeletion0012 from "../../../migrations/0012_workspace_deletion.sql";
import passkeys0013 from "../../../migrations/0013_passkeys.sql";
import homeWorkspace0014 from "../../../migrations/0014_home_workspace.sql";
import idempotencyKeys0015 from "../../../migrations/0015_idempotency_keys.sql";
import versionsOfMembers0016 from "../../../migrations/0016_versions_of_members.sql";
import endpointRoutes0017 from "../../../migrations/0017_endpoint_routes.sql";
import runsByParent0018 from "../../../migrations/0018_runs_by_parent.sql";
import type { Migration } from "./migrations.ts";

export const migrations: readonly Migration[] = [
  { name: "0001_initial.sql", sql: initial0001 },
  { name: "0002_run_list_filters.sql", sql: runListFilters0002 },
  { name: "0003_device_logins.sql", sql: deviceLogins0003 },
  { name: "0004_people_and_audit.sql", sql: peopleAndAudit0004 },
  { name: "0005_live_tickets.sql", sql: liveTickets0005 },
  { name: "0006_named_values.sql", sql: namedValues0006 },
  { name: "0007_dead_letters.sql", sql: deadLetters0007 },
  { name: "0008_account_links.sql", sql: accountLinks0008 },
  { name: "0009_registration_token_kinds.sql", sql: registrationTokenKinds0009 },
  { name: "0010_second_factors.sql", sql: secondFactors0010 },
  { name: "0011_provider_sign_ins.sql", sql: providerSignIns0011 },
  { name: "0012_workspace_deletion.sql", sql: workspaceDeletion0012 },
  { name: "0013_passkeys.sql", sql: passkeys0013 },
  { name: "0014_home_workspace.sql", sql: homeWorkspace0014 },
  { name: "0015_idempotency_keys.sql", sql: idempotencyKeys0015 },
  { name: "0016_versions_of_members.sql", sql: versionsOfMembers0016 },
  { name: "0017_endpoint_routes.sql", sql: endpointRoutes0017 },
  { name: "0018_runs_by_parent.sql", sql: runsByParent0018 },
];
