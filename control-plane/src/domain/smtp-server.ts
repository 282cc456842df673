/** A mail server as the setting `MAIL_URL` names it: `smtp://user@mail.example.org:587` or `smtps://…:465`. */

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** `start`: STARTTLS, without which nothing is sent. `none`: in the clear, for a relay in one's own network. */
  readonly tls: "start" | "direct" | "none";
  /** Null: the server takes mail without a sign-in. */
  readonly user: string | null;
}

const SUBMISSION_PORT = 587;
const SUBMISSIONS_PORT = 465;

/** What is wrong, as the end of a sentence that begins with the name of the setting. */
export type SmtpFault = { readonly ok: false; readonly message: string };

/** `text` begins with `smtp:` or `smtps:`. */
export function readSmtpServer(text: string): { readonly ok: true; readonly server: SmtpServer } | SmtpFault {
  const fault = (message: string): SmtpFault => ({ ok: false, message });
  const url = new URL(text);
  const direct = url.protocol === "smtps:";
  if (url.hostname === "") {
    return fault("names no mail server, such as smtp://mail.example.org:587");
  }
  if (url.password !== "") {
    return fault("must not hold the password: settings are shown and logged. Put it into MAIL_TOKEN");
  }
  if (!["", "/"].includes(url.pathname) || url.hash !== "") {
    return fault("must end after the port of the mail server");
  }
  const options = [...url.searchParams].map(([name, value]) => `${name}=${value}`);
  const isClear = options.length === 1 && options[0] === "tls=none" && !direct;
  if (options.length > 0 && !isClear) {
    return fault("may end with ?tls=none behind smtp://, and with no other option");
  }
  let user: string;
  try {
    user = decodeURIComponent(url.username);
  } catch {
    return fault("holds a user whose % signs are not followed by two digits");
  }
  if (isClear && user !== "") {
    return fault("would send the password in the clear: leave the user out, or ?tls=none");
  }
  if (/[\u0000-\u001f\u007f]/.test(user)) {
    return fault("holds a user with control characters");
  }
  const port = url.port === "" ? (direct ? SUBMISSIONS_PORT : SUBMISSION_PORT) : Number(url.port);
  const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1");
  const tls = direct ? "direct" : isClear ? "none" : "start";
  return { ok: true, server: { host, port, tls, user: user === "" ? null : user } };
}
