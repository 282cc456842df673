import type { Command } from "../base/command.ts";
import type { Cli } from "../commands/context.ts";
import { basedOn } from "./shared-options.ts";

export const account: readonly Command<Cli>[] = [
  {
    name: "login",
    about: "sign in: a person approves a code in the browser",
    options: [
      {
        flags: "--role <role>",
        about: "role that the key should have; no more than your own",
        choices: ["owner", "admin", "editor", "operator", "viewer"],
      },
      { flags: "--with-token", about: "read an API key from stdin instead" },
      { flags: "--no-browser", about: "open no browser" },
    ],
    load: async () => (await import("../commands/login.ts")).login,
  },
  {
    name: "logout",
    about: "forget a profile, and end its key where login made it",
    options: [{ flags: "--all", about: "every profile" }],
    load: async () => (await import("../commands/login.ts")).logout,
  },
  {
    name: "profiles",
    about: "the installations that this machine is signed in to",
    verbs: [
      { name: "list", about: "list them", load: async () => (await import("../commands/workspaces.ts")).listProfiles },
      {
        name: "use",
        about: "make one the current one",
        args: ["<profile>"],
        load: async () => (await import("../commands/workspaces.ts")).useProfile,
      },
      {
        name: "path",
        about: "print where they are kept",
        load: async () => (await import("../commands/workspaces.ts")).showConfigPath,
      },
    ],
  },
  {
    name: "workspaces",
    about: "workspaces, and what holds in them",
    verbs: [
      {
        name: "list",
        about: "list those that the profiles reach",
        load: async () => (await import("../commands/workspaces.ts")).listWorkspaces,
      },
      {
        name: "show",
        about: "show this one, with its settings",
        load: async () => (await import("../commands/workspaces.ts")).showWorkspace,
      },
      {
        name: "use",
        about: "make its profile the current one",
        args: ["<workspace>"],
        load: async () => (await import("../commands/workspaces.ts")).useWorkspace,
      },
      {
        name: "update",
        about: "change its settings",
        options: [
          { flags: "--concurrency <n>", about: "runs under way at a time, or none for no limit" },
          { flags: "--retention-days <n>", about: "how long ended runs are kept" },
          basedOn,
        ],
        load: async () => (await import("../commands/workspaces.ts")).updateWorkspace,
      },
      {
        name: "rename",
        about: "give this one another name",
        args: ["<name>"],
        options: [basedOn],
        load: async () => (await import("../commands/workspaces.ts")).renameWorkspace,
      },
      {
        name: "export",
        about: "everything that it holds, as NDJSON",
        options: [{ flags: "--output <file>", about: "a new file, in place of stdout" }],
        load: async () => (await import("../commands/workspaces.ts")).exportWorkspace,
      },
      {
        name: "delete",
        about: "say where an owner deletes it",
        load: async () => (await import("../commands/workspaces.ts")).deleteWorkspace,
      },
    ],
  },
  {
    name: "settings",
    about: "what holds for the whole workspace",
    verbs: [
      {
        name: "get",
        about: "print all settings and their version, or the value of one",
        args: ["[setting]"],
        load: async () => (await import("../commands/settings.ts")).getSettings,
      },
      {
        name: "set",
        about: "change one; none takes a limit away",
        args: ["<setting>", "<value>"],
        options: [basedOn],
        load: async () => (await import("../commands/settings.ts")).setSetting,
      },
    ],
  },
];
