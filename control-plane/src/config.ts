/** Settings of the control plane, parsed once per isolate from vars and secrets; nothing else reads the environment. */
import { DEFAULT_LEASE_MS, MIN_LEASE_MS, OFFER_TIMEOUT_MS, RENEW_EVERY_MS } from "@cronium/protocol/limits";
import { PROTOCOL_VERSION } from "@cronium/protocol/version";
import * as z from "zod";
import type { GithubSettings } from "./auth/github-provider.ts";
import type { OidcSettings } from "./auth/oidc-provider.ts";
import { makeKeyRing, masterKeyProblem, splitKeys, type KeyRing } from "./auth/master-keys.ts";
import type { RequestRates } from "./auth/request-limits.ts";
import { parseRange, type IpRange } from "./domain/ip-address.ts";
import { mailbox } from "./domain/mail-message.ts";
import { readSmtpServer, type SmtpServer } from "./domain/smtp-server.ts";

const KEEP_FINISHED_MS = 3_600_000;

const milliseconds = (fallback: number) => z.coerce.number().int().min(100).default(fallback);

/** Requests a minute; 0 for no limit. */
const perMinute = (fallback: number) => z.coerce.number().int().min(0).max(100_000_000).default(fallback);

/** Addresses and blocks, apart by commas. */
const ipRanges = z.string().transform((text, context): IpRange[] => {
  const parts = text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
  return parts.flatMap((part) => {
    const range = parseRange(part);
    if (range === null) {
      context.addIssue({
        code: "custom",
        message: `"${part.slice(0, 80)}" is no address such as 10.0.0.1 or 10.0.0.0/8`,
      });
    }
    return range ?? [];
  });
});

/** Addresses as `mailto:`, `https:` or `tel:`, apart by commas. */
const contacts = z.string().transform((text, context): string[] => {
  const parts = text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
  for (const part of parts) {
    if (!/^(?:mailto:[^\s@]+@[^\s@]+|https:\/\/[^\s]+|tel:\+?[0-9-]+)$/.test(part)) {
      context.addIssue({
        code: "custom",
        message: `"${part.slice(0, 80)}" is no address such as mailto:security@example.org or https://example.org/security`,
      });
    }
  }
  return parts;
});

const masterKey = z.string().superRefine((text, context) => {
  const problem = masterKeyProblem(text);
  if (problem !== null) {
    context.addIssue({ code: "custom", message: problem });
  }
});

const Settings = z
  .object({
    /** Address under which people and runners reach this installation; empty: the address of each request. */
    PUBLIC_URL: z.union([z.literal(""), z.url()]).default(""),
    /** Signs sessions. At least 32 characters, so that it cannot be guessed. */
    AUTH_SECRET: z.string().min(32),
    /** Signs the bearer tokens of log sockets. Apart from AUTH_SECRET, so that either can be replaced alone. */
    LOG_TOKEN_KEY: z.string().min(32),
    /** Master key that secrets are encrypted under: 32 random bytes in base64. Without it none of them can be read. */
    SECRETS_KEY: masterKey,
    /** Earlier master keys, apart by commas, until every secret is encrypted under the newest one. */
    SECRETS_OLD_KEYS: z
      .string()
      .default("")
      .refine((text) => splitKeys(text).every((key) => masterKeyProblem(key) === null), {
        message: "must hold keys of 32 random bytes in base64, apart by commas",
      }),
    /** Lets the launcher on this machine set the installation up; absent when hosted, which closes those routes. */
    LAUNCHER_KEY: z.string().min(32).optional(),
    /** Life of a lease without renewal. */
    LEASE_MS: milliseconds(DEFAULT_LEASE_MS),
    /** How often runners ping. Well below the lease, so that one lost ping loses nothing. */
    RENEW_MS: milliseconds(RENEW_EVERY_MS),
    /** How long a runner may take to accept an offer. */
    OFFER_TIMEOUT_MS: milliseconds(OFFER_TIMEOUT_MS),
    /** How long a finished run stays in the Dispatcher after D1 has it, for late repeats of a runner. */
    KEEP_FINISHED_MS: milliseconds(KEEP_FINISHED_MS),
    /** "yes" lets LEASE_MS and KEEP_FINISHED_MS go below their floors of 90 s and 1 h; for tests on one machine. */
    SHORT_LEASES: z.enum(["yes", "no"]).default("no"),
    /** Whom to tell of a weakness, for /.well-known/security.txt; empty: nobody, and there is no such file. */
    SECURITY_CONTACT: contacts.default([]),
    /** Embedded: networks of the operator's own that requests to addresses others chose may reach. None by default. */
    OUTBOUND_NETWORKS: ipRanges.default([]),
    /** Embedded: reverse proxies whose X-Forwarded-For is believed. None, unless the operator runs one. */
    TRUSTED_PROXIES: ipRanges.default([]),
    /** Without a login, from one address: enough for a room of people, too little to occupy the one thread. */
    REQUESTS_PER_ADDRESS: perMinute(1_200),
    /** Refused logins, keys and tokens from one address, beyond which its unknown keys are not looked up. */
    FAILURES_PER_ADDRESS: perMinute(120),
    REQUESTS_PER_USER: perMinute(6_000),
    /** Far beyond what a machine sends by intention; lower it where strangers share the installation. */
    REQUESTS_PER_KEY: perMinute(300_000),
    REQUESTS_PER_WORKSPACE: perMinute(600_000),
    /**
     * Who may make an account: anybody (`open`), those who are invited, or nobody. Empty: `open` where it is hosted and
     * can send mail, else `invitation`.
     */
    REGISTRATION: z.enum(["", "open", "invitation", "closed"]).default(""),
    /**
     * Service that takes mail as JSON over HTTPS, or a mail server as smtp:// or smtps://; empty: the owner of the
     * installation hands links over.
     */
    MAIL_URL: z
      .union([
        z.literal(""),
        z.url({ protocol: /^(?:https?|smtps?)$/, error: "must begin with https:// (a service), smtp:// or smtps://" }),
      ])
      .default(""),
    /** Bearer token for it, or the password of its user; a secret. */
    MAIL_TOKEN: z.string().default(""),
    /** Sender, such as `Cronium <cronium@example.org>`. */
    MAIL_FROM: z.string().default(""),
    /** Issuer of an OpenID Connect provider, as its discovery document spells it; empty: none. */
    OIDC_ISSUER: z.union([z.literal(""), z.url({ protocol: /^https?$/ })]).default(""),
    OIDC_CLIENT_ID: z.string().default(""),
    /** A secret. */
    OIDC_CLIENT_SECRET: z.string().default(""),
    /** On its button. */
    OIDC_NAME: z.string().min(1).max(60).default("single sign-on"),
    /** Of an OAuth app at GitHub; empty: none. */
    GITHUB_CLIENT_ID: z.string().default(""),
    /** A secret. */
    GITHUB_CLIENT_SECRET: z.string().default(""),
    /** Of an enterprise server, both; the second is its `/api/v3`. */
    GITHUB_URL: z.url({ protocol: /^https?$/ }).default("https://github.com"),
    GITHUB_API_URL: z.url({ protocol: /^https?$/ }).default("https://api.github.com"),
  })
  .refine(
    (settings) => settings.OIDC_ISSUER === "" || (settings.OIDC_CLIENT_ID !== "" && settings.OIDC_CLIENT_SECRET !== ""),
    { path: ["OIDC_CLIENT_ID"], message: "and OIDC_CLIENT_SECRET must be set, because OIDC_ISSUER is" },
  )
  .refine((settings) => settings.GITHUB_CLIENT_ID === "" || settings.GITHUB_CLIENT_SECRET !== "", {
    path: ["GITHUB_CLIENT_SECRET"],
    message: "must be set, because GITHUB_CLIENT_ID is",
  })
  .refine((settings) => settings.MAIL_URL === "" || settings.MAIL_FROM !== "", {
    path: ["MAIL_FROM"],
    message: "must name the sender, because MAIL_URL is set",
  })
  .superRefine((settings, context) => {
    const say = (path: keyof typeof settings, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    if (!settings.MAIL_URL.startsWith("smtp")) {
      return;
    }
    if (settings.MAIL_FROM !== "" && mailbox(settings.MAIL_FROM) === null) {
      say("MAIL_FROM", "must be an address, or one behind a name such as Cronium <cronium@example.org>");
    }
    const read = readSmtpServer(settings.MAIL_URL);
    if (!read.ok) {
      say("MAIL_URL", read.message);
    } else if ((read.server.user === null) !== (settings.MAIL_TOKEN === "")) {
      const fault = "MAIL_TOKEN is the password of the user in MAIL_URL (smtp://user@host): set both or neither";
      say("MAIL_TOKEN", fault);
    } else if (read.server.port === 25 && settings.LAUNCHER_KEY === undefined) {
      say("MAIL_URL", "cannot be reached by port 25 where Workers run; use a submission port: 587 or 465");
    }
  })
  .refine((settings) => settings.MAIL_URL === "" || settings.PUBLIC_URL !== "", {
    path: ["PUBLIC_URL"],
    message: "must be set, because mail holds links, and a request could name any address as its own",
  })
  .refine(
    (settings) => settings.REGISTRATION !== "open" || settings.LAUNCHER_KEY !== undefined || settings.MAIL_URL !== "",
    { path: ["REGISTRATION"], message: "can be open only with MAIL_URL: new addresses are confirmed by mail" },
  )
  .refine((settings) => settings.SHORT_LEASES === "yes" || settings.LEASE_MS >= MIN_LEASE_MS, {
    path: ["LEASE_MS"],
    message: `must be at least ${MIN_LEASE_MS}: shorter leases are lost while runners reconnect after a deploy`,
  })
  .refine((settings) => settings.OUTBOUND_NETWORKS.length === 0 || settings.LAUNCHER_KEY !== undefined, {
    path: ["OUTBOUND_NETWORKS"],
    message: "is for installations on a machine of one's own",
  })
  .refine((settings) => settings.SHORT_LEASES === "yes" || settings.KEEP_FINISHED_MS >= KEEP_FINISHED_MS, {
    path: ["KEEP_FINISHED_MS"],
    message: `must be at least ${KEEP_FINISHED_MS}: a runner that was away repeats its results`,
  });

export interface Config {
  readonly publicUrl: string;
  readonly authSecret: string;
  readonly logTokenKey: string;
  readonly launcherKey: string | null;
  readonly secretKeys: KeyRing;
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly offerTimeoutMs: number;
  readonly keepFinishedMs: number;
  readonly securityContacts: readonly string[];
  readonly outboundNetworks: readonly IpRange[];
  readonly trustedProxies: readonly IpRange[];
  readonly requestRates: RequestRates;
  readonly registration: "open" | "invitation" | "closed";
  /** Null: not set up. */
  readonly oidc: OidcSettings | null;
  readonly github: GithubSettings | null;
  /** Null: there is no mail service. */
  readonly mail:
    | { readonly url: string; readonly token: string; readonly from: string }
    | { readonly server: SmtpServer; readonly password: string; readonly from: string }
    | null;
  /** The wire version it speaks to runners; a program has one, and tests mix releases with it. */
  readonly protocol: number;
}

/** Throws with every wrong setting named: a control plane with a missing or weak secret must not start. */
export function parseConfig(env: Readonly<Record<string, unknown>>): Config {
  const parsed = Settings.safeParse(env);
  if (!parsed.success) {
    throw new Error(`The configuration is not usable:\n${z.prettifyError(parsed.error)}`);
  }
  const settings = parsed.data;
  return {
    publicUrl: settings.PUBLIC_URL,
    authSecret: settings.AUTH_SECRET,
    logTokenKey: settings.LOG_TOKEN_KEY,
    launcherKey: settings.LAUNCHER_KEY ?? null,
    secretKeys: makeKeyRing(settings.SECRETS_KEY, settings.SECRETS_OLD_KEYS),
    leaseMs: settings.LEASE_MS,
    renewMs: settings.RENEW_MS,
    offerTimeoutMs: settings.OFFER_TIMEOUT_MS,
    keepFinishedMs: settings.KEEP_FINISHED_MS,
    securityContacts: settings.SECURITY_CONTACT,
    outboundNetworks: settings.OUTBOUND_NETWORKS,
    trustedProxies: settings.TRUSTED_PROXIES,
    requestRates: {
      address: settings.REQUESTS_PER_ADDRESS,
      failures: settings.FAILURES_PER_ADDRESS,
      user: settings.REQUESTS_PER_USER,
      key: settings.REQUESTS_PER_KEY,
      workspace: settings.REQUESTS_PER_WORKSPACE,
    },
    registration: registrationOf(settings),
    oidc:
      settings.OIDC_ISSUER === ""
        ? null
        : {
            issuer: settings.OIDC_ISSUER,
            clientId: settings.OIDC_CLIENT_ID,
            clientSecret: settings.OIDC_CLIENT_SECRET,
            name: settings.OIDC_NAME,
          },
    github:
      settings.GITHUB_CLIENT_ID === ""
        ? null
        : {
            clientId: settings.GITHUB_CLIENT_ID,
            clientSecret: settings.GITHUB_CLIENT_SECRET,
            url: settings.GITHUB_URL.replace(/\/+$/, ""),
            apiUrl: settings.GITHUB_API_URL.replace(/\/+$/, ""),
          },
    mail: mailOf(settings),
    protocol: PROTOCOL_VERSION,
  };
}

function mailOf({ MAIL_URL: url, MAIL_TOKEN: token, MAIL_FROM: from }: z.infer<typeof Settings>): Config["mail"] {
  if (!url.startsWith("smtp")) {
    return url === "" ? null : { url, token, from };
  }
  const read = readSmtpServer(url);
  if (!read.ok) {
    throw new Error(`MAIL_URL ${read.message}`);
  }
  return { server: read.server, password: token, from };
}

function registrationOf(settings: z.infer<typeof Settings>): Config["registration"] {
  if (settings.REGISTRATION !== "") {
    return settings.REGISTRATION;
  }
  return settings.LAUNCHER_KEY === undefined && settings.MAIL_URL !== "" ? "open" : "invitation";
}
