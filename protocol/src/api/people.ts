/** Signing in, making an account, and the links that people are sent about theirs. */
import * as z from "zod";
import { Name } from "../event.ts";
import { idSchema } from "../ids.ts";
import { Password } from "./members.ts";
import { pageOf } from "./page.ts";

const Email = z.email("must be an e-mail address").max(254);

/** `GET /api/v1/sign-in/options`: what the sign-in page offers. */
export const SignInOptions = z
  .strictObject({
    /** `open`: anybody may make an account and a workspace of their own. */
    registration: z.enum(["open", "invitation", "closed"]),
    /** Whether links are sent by mail; else the owner of the installation hands them over. */
    mail: z.boolean(),
    /** Identity providers that are set up. */
    providers: z.array(z.strictObject({ id: z.string(), name: z.string() })),
  })
  .meta({ id: "SignInOptions" });
export type SignInOptions = z.infer<typeof SignInOptions>;

/** Why signing in through a provider did not work, as the sign-in page is told in its address. */
export const signInProblems = [
  "provider_failed",
  "provider_refused",
  "email_unverified",
  "email_unconfirmed",
  "registration_closed",
] as const;
export type SignInProblem = (typeof signInProblems)[number];

/** `returnTo` is the page of the dashboard to go to afterwards. */
export const LeaveForProvider = z
  .strictObject({
    returnTo: z
      .string()
      .max(2_000)
      // Nothing that a browser could take for another site.
      .regex(/^\/(?![/\\])[\x21-\x7e]*$/, "must be a path of this site")
      .default("/"),
  })
  .meta({ id: "LeaveForProvider" });

export const Departure = z.strictObject({ url: z.url() }).meta({ id: "Departure" });
export type Departure = z.infer<typeof Departure>;

export const AskPasswordReset = z.strictObject({ email: Email }).meta({ id: "AskPasswordReset" });
export type AskPasswordReset = z.infer<typeof AskPasswordReset>;

export const AskRegistration = z
  .strictObject({ name: Name, email: Email, password: Password })
  .meta({ id: "AskRegistration" });
export type AskRegistration = z.infer<typeof AskRegistration>;

/** One and the same for every address, known or not. */
export const LinkAsked = z.strictObject({ message: z.string() }).meta({ id: "LinkAsked" });
export type LinkAsked = z.infer<typeof LinkAsked>;

export const accountLinkKinds = ["reset", "register", "confirm"] as const;
export type AccountLinkKind = (typeof accountLinkKinds)[number];

export const AccountLinkToken = z.strictObject({ token: z.string().max(200) }).meta({ id: "AccountLinkToken" });

/** What a link is for: a new password, a new account, or that an address is one's own. */
export const AccountLinkView = z
  .strictObject({ kind: z.enum(accountLinkKinds), email: z.string(), expiresAt: z.iso.datetime() })
  .meta({ id: "AccountLinkView" });
export type AccountLinkView = z.infer<typeof AccountLinkView>;

export const ResetPassword = z
  .strictObject({ token: z.string().max(200), password: Password })
  .meta({ id: "ResetPassword" });
export type ResetPassword = z.infer<typeof ResetPassword>;

/** A code of an authenticator app, or a recovery code. */
const Code = z.string().min(6, "must have at least 6 characters").max(40, "must have at most 40 characters");

/** What a sign-in by password answers where there is a second factor: the token goes with its code. */
export const SignInWaits = z
  .strictObject({ secondFactor: z.strictObject({ token: z.string(), expiresAt: z.iso.datetime() }) })
  .meta({ id: "SignInWaits" });
export type SignInWaits = z.infer<typeof SignInWaits>;

export const FinishSignIn = z.strictObject({ token: z.string().max(200), code: Code }).meta({ id: "FinishSignIn" });
export type FinishSignIn = z.infer<typeof FinishSignIn>;

/** Who is signed in now; the session is a cookie. */
export const SignedInUser = z
  .strictObject({ user: z.strictObject({ id: z.string(), name: z.string(), email: z.string() }) })
  .meta({ id: "SignedInUser" });
export type SignedInUser = z.infer<typeof SignedInUser>;

export const SecondFactorView = z
  .strictObject({ enabled: z.boolean(), recoveryCodesLeft: z.int() })
  .meta({ id: "SecondFactorView" });
export type SecondFactorView = z.infer<typeof SecondFactorView>;

/** For an authenticator app: the secret as people type it (base32), and what a QR code holds. */
export const SecondFactorBegun = z
  .strictObject({ secret: z.string(), uri: z.string() })
  .meta({ id: "SecondFactorBegun" });
export type SecondFactorBegun = z.infer<typeof SecondFactorBegun>;

export const SecondFactorCode = z.strictObject({ code: Code }).meta({ id: "SecondFactorCode" });

/** Each replaces one code of a lost app, once. */
export const RecoveryCodes = z.strictObject({ recoveryCodes: z.array(z.string()) }).meta({ id: "RecoveryCodes" });
export type RecoveryCodes = z.infer<typeof RecoveryCodes>;

/** `GET /api/v1/account`: one's own account. */
export const OwnAccount = z
  .strictObject({
    email: z.string(),
    /** Whether a link that was sent there has been opened. */
    emailConfirmed: z.boolean(),
    hasPassword: z.boolean(),
    secondFactor: SecondFactorView,
  })
  .meta({ id: "OwnAccount" });
export type OwnAccount = z.infer<typeof OwnAccount>;

/** Something to tell a person that no mail took to them. Its link is shown on demand. */
export const MessageId = idSchema("message");
export const Message = z
  .strictObject({
    id: MessageId,
    kind: z.enum(accountLinkKinds),
    email: z.string(),
    subject: z.string(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: "Message" });
export type Message = z.infer<typeof Message>;
export const MessagePage = pageOf(Message, "MessagePage");

/** `path` is below the address of the installation. */
export const MessageLink = z.strictObject({ path: z.string() }).meta({ id: "MessageLink" });
export type MessageLink = z.infer<typeof MessageLink>;
