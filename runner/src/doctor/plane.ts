/** Whether the control plane can be reached, and what stands in between. */
import { connect } from "node:tls";
import { errorText } from "../base/log.ts";
import { type Finding, fine, note, toFix } from "./finding.ts";

const ANSWER_WITHIN_MS = 10_000;

const UNTRUSTED = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

export async function planeFindings(
  url: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  return [await planeFinding(url), ...proxyFindings(url, env)];
}

async function planeFinding(url: string): Promise<Finding> {
  try {
    const response = await fetch(new URL("health", url.endsWith("/") ? url : `${url}/`), {
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const body: unknown = await response.json().catch(() => null);
    if (response.ok && typeof body === "object" && body !== null && "status" in body) {
      return fine(`Control plane ${url} answers`);
    }
    return response.ok
      ? toFix(
          `Something answers at ${url}, but no Cronium control plane`,
          "Check the address; a sign-in page of the network or a proxy may be in between.",
        )
      : toFix(`Control plane ${url} answers ${response.status}`, "Check the address, and the control plane's own log.");
  } catch (error) {
    return unreachable(url, error);
  }
}

async function unreachable(url: string, error: unknown): Promise<Finding> {
  const code = codeOf(error);
  const { hostname, port } = new URL(url);
  if (UNTRUSTED.has(code)) {
    const issuer = await issuerAt(hostname, Number(port || 443));
    return toFix(
      `The certificate of ${hostname} is signed by ${issuer}, which this machine does not trust: a proxy that opens TLS, or a company's own authority`,
      "Save that authority's certificate as a file and start the runner with NODE_EXTRA_CA_CERTS=/path/to/ca.pem.",
    );
  }
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return toFix(`The certificate of ${hostname} has expired`, "Renew it, and check this machine's clock.");
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return toFix(`The certificate at ${url} is for another host`, "Use the host name that it is made for.");
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return toFix(
        `The name ${hostname} is not known here`,
        "Check the address for a typing mistake, and this machine's DNS.",
      );
    case "ECONNREFUSED":
      return toFix(`Control plane ${url} refuses connections`, "Check host and port, and that it runs.");
    default:
      return toFix(
        `Control plane ${url} does not answer: ${errorText(error)}`,
        "Check the address, the network, and whether a proxy or firewall is in between.",
      );
  }
}

function codeOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    if (code !== undefined) {
      return code;
    }
    if (at instanceof AggregateError) {
      return codeOf(at.errors[0]);
    }
  }
  return "";
}

/** Who signed what the host shows; nothing is sent to it. */
function issuerAt(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, servername: host, rejectUnauthorized: false, timeout: ANSWER_WITHIN_MS });
    const end = (text: string): void => {
      socket.destroy();
      resolve(text);
    };
    socket.once("secureConnect", () => {
      const { issuer } = socket.getPeerCertificate();
      const name = issuer === undefined ? undefined : (issuer.CN ?? issuer.O);
      end(name === undefined ? "somebody" : `"${String(name)}"`);
    });
    socket.once("timeout", () => end("somebody"));
    socket.once("error", () => end("somebody"));
  });
}

/** Node goes through a proxy only when it is told to. */
function proxyFindings(url: string, env: Readonly<Record<string, string | undefined>>): Finding[] {
  const name = url.startsWith("https:") ? "HTTPS_PROXY" : "HTTP_PROXY";
  const proxy = env[name] ?? env[name.toLowerCase()];
  if (proxy === undefined || proxy === "" || env["NODE_USE_ENV_PROXY"] === "1") {
    return [];
  }
  return [
    note(
      `${name} is set, and the runner connects directly all the same`,
      "If only the proxy leads out, start it with NODE_USE_ENV_PROXY=1 (Node.js 24 or newer).",
    ),
  ];
}
