import { verificationKinds } from "@cronium/protocol/webhook-tables";
import type { Command, Option } from "../base/command.ts";
import type { Cli } from "../commands/context.ts";
import { paging } from "./shared-options.ts";

const fields: readonly Option[] = [
  { flags: "--file <file>", about: "fields as JSON, as the API takes them; flags win; - is stdin" },
  { flags: "--name <name>", about: "its name" },
  { flags: "--event <event>", about: "starts this event, by id or name; may repeat", many: true },
  { flags: "--filter <cel>", about: "starts them only where this CEL expression is true" },
  { flags: "--mapping <jsonata>", about: "makes their input from what arrived" },
  {
    flags: "--verify <kind>",
    about: "how a sender proves who it is (default: standard)",
    choices: verificationKinds,
  },
  { flags: "--username <name>", about: "of basic: the user name; the secret is the password" },
  { flags: "--header <name>", about: "of hmac: the header with the signature" },
  { flags: "--algorithm <name>", about: "of hmac (default: sha256)", choices: ["sha1", "sha256", "sha512"] },
  {
    flags: "--encoding <name>",
    about: "of hmac: how the signature is written (default: hex)",
    choices: ["hex", "base64"],
  },
  { flags: "--prefix <text>", about: "of hmac: what stands before the signature, such as sha256=" },
  { flags: "--wait <time>", about: "senders wait for the result, at most this long (100ms to 30s)" },
  { flags: "--no-wait", about: "senders are answered as soon as the run is stored" },
  {
    flags: "--dedupe <rule>",
    about: "repeats are known by header=NAME, field=/POINTER, body, none, or default: what --verify names for that",
  },
  { flags: "--dedupe-window <time>", about: "by the same body within this time, 1s to 1d (default: 5m)" },
];
const secretFile: Option = {
  flags: "--secret-file <file>",
  about: "its secret; without it one is made up; - is stdin",
};

export const webhooks: readonly Command<Cli>[] = [
  {
    name: "endpoints",
    about: "where webhooks arrive",
    verbs: [
      {
        name: "list",
        about: "list them by name",
        load: async () => (await import("../commands/endpoints.ts")).listEndpoints,
      },
      {
        name: "show",
        about: "show one, by id or name",
        args: ["<endpoint>"],
        options: [
          { flags: "--address", about: "also where the address is the secret (--verify none); the audit remembers it" },
        ],
        load: async () => (await import("../commands/endpoints.ts")).showEndpoint,
      },
      {
        name: "create",
        about: "make one; a secret that is made up is printed once",
        options: [...fields, secretFile],
        load: async () => (await import("../commands/endpoints.ts")).createEndpoint,
      },
      {
        name: "update",
        about: "change one",
        args: ["<endpoint>"],
        options: [
          ...fields,
          { flags: "--secret-file <file>", about: "another secret at once, as another --verify may need; - is stdin" },
          { flags: "--enable", about: "takes deliveries again" },
          { flags: "--disable", about: "answers 410 and stores nothing" },
        ],
        load: async () => (await import("../commands/endpoints.ts")).updateEndpoint,
      },
      {
        name: "rotate-secret",
        about: "give one another secret",
        args: ["<endpoint>"],
        options: [
          secretFile,
          { flags: "--keep-old <time>", about: "so long the secret before is good as well (default 1d)" },
        ],
        load: async () => (await import("../commands/endpoints.ts")).rotateSecret,
      },
      {
        name: "rotate-address",
        about: "give one another address; the one before leads nowhere at once",
        args: ["<endpoint>"],
        load: async () => (await import("../commands/endpoints.ts")).rotateAddress,
      },
      {
        name: "listen",
        about: "show the next delivery and start nothing with it",
        args: ["<endpoint>"],
        options: [{ flags: "--stop", about: "stop listening" }],
        load: async () => (await import("../commands/endpoints.ts")).listenForTest,
      },
      {
        name: "delete",
        about: "delete one",
        args: ["<endpoint>"],
        load: async () => (await import("../commands/endpoints.ts")).deleteEndpoint,
      },
    ],
  },
  {
    name: "deliveries",
    about: "what arrived at endpoints",
    verbs: [
      {
        name: "list",
        about: "list them, newest first",
        options: [
          { flags: "--endpoint <endpoint>", about: "at this one, by id or name" },
          { flags: "--verdict <verdict>", about: "of which became this" },
          ...paging,
        ],
        load: async () => (await import("../commands/deliveries.ts")).listDeliveries,
      },
      {
        name: "show",
        about: "show one",
        args: ["<delivery>"],
        options: [{ flags: "--body", about: "print its body alone" }],
        load: async () => (await import("../commands/deliveries.ts")).showDelivery,
      },
      {
        name: "preview",
        about: "try a filter and a mapping on a request; nothing is started",
        options: [
          { flags: "--endpoint <endpoint>", about: "with what it has for its event, by id or name" },
          {
            flags: "--event <event>",
            about: "against the input schema of this one; of several of the endpoint, which",
          },
          { flags: "--filter <cel>", about: "this filter instead" },
          { flags: "--mapping <jsonata>", about: "this mapping instead" },
          { flags: "--delivery <delivery>", about: "on what arrived then" },
          { flags: "--body <file>", about: "on this body; - is stdin" },
          { flags: "--headers <file>", about: "its headers, a line each as NAME: VALUE; - is stdin" },
          { flags: "--content-type <type>", about: "of the body, unless a header says it (default: application/json)" },
          { flags: "--query <name=value>", about: "of the address; may repeat", many: true },
        ],
        load: async () => (await import("../commands/preview-delivery.ts")).previewDelivery,
      },
      {
        name: "replay",
        about: "work through one again, as its endpoint is now",
        args: ["<delivery>"],
        options: [{ flags: "--also <delivery>", about: "this one too; may repeat", many: true }],
        load: async () => (await import("../commands/deliveries.ts")).replayDeliveries,
      },
    ],
  },
];
