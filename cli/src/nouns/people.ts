import type { Command, Option } from "../base/command.ts";
import type { Cli } from "../commands/context.ts";
import { basedOn, paging } from "./shared-options.ts";

const role: Option = {
  flags: "--role <role>",
  about: "what it may do; no more than you may",
  choices: ["owner", "admin", "editor", "operator", "viewer"],
};

const auditFilters: readonly Option[] = [
  { flags: "--verb <verb>", about: "such as secret.created; secret. for all that begin so" },
  { flags: "--actor <id>", about: "done by this person or key" },
  { flags: "--target <id>", about: "done to this" },
  { flags: "--from <time>", about: "at or after: 2026-11-20T08:00:00Z, or 2h for two hours ago" },
  { flags: "--to <time>", about: "before" },
];

export const people: readonly Command<Cli>[] = [
  {
    name: "members",
    about: "who belongs to the workspace",
    verbs: [
      { name: "list", about: "list them", load: async () => (await import("../commands/people.ts")).listMembers },
      {
        name: "invite",
        about: "make a link by which somebody joins",
        args: ["<email>"],
        options: [role, { flags: "--expires-in-days <n>", about: "1 to 30 (default 7)" }],
        load: async () => (await import("../commands/people.ts")).inviteMember,
      },
      {
        name: "update",
        about: "give one another role",
        args: ["<member>"],
        options: [role, basedOn],
        load: async () => (await import("../commands/people.ts")).changeMember,
      },
      {
        name: "remove",
        about: "take one out",
        args: ["<member>"],
        load: async () => (await import("../commands/people.ts")).removeMember,
      },
    ],
  },
  {
    name: "api-keys",
    about: "what programs sign in with",
    verbs: [
      { name: "list", about: "list them", load: async () => (await import("../commands/people.ts")).listApiKeys },
      {
        name: "create",
        about: "make one, and print it once",
        args: ["<name>"],
        options: [
          role,
          { flags: "--scope <scope>", about: "narrow it to these permissions; may repeat", many: true },
          { flags: "--expires-in-days <n>", about: "1 to 365 (default 90)" },
          { flags: "--service-account <id>", about: "make it one of this service account" },
        ],
        load: async () => (await import("../commands/people.ts")).createApiKey,
      },
      {
        name: "revoke",
        about: "end one at once, by id or name",
        args: ["<key>"],
        load: async () => (await import("../commands/people.ts")).revokeApiKey,
      },
    ],
  },
  {
    name: "audit",
    about: "who did what in the workspace",
    verbs: [
      {
        name: "list",
        about: "list entries, newest first",
        options: [...auditFilters, ...paging],
        load: async () => (await import("../commands/audit.ts")).listAudit,
      },
      {
        name: "verify",
        about: "check that no entry was changed or removed; the exit code says so",
        load: async () => (await import("../commands/audit.ts")).verifyAudit,
      },
      {
        name: "export",
        about: "all entries as NDJSON, oldest first",
        options: [...auditFilters, { flags: "--output <file>", about: "into a new file instead of stdout" }],
        load: async () => (await import("../commands/audit.ts")).exportAudit,
      },
    ],
  },
];
