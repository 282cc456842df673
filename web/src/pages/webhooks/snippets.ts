/** How to send to an endpoint, for the kind of proof that it asks for. The secret is read from the environment. */
import type { Endpoint } from "@cronium/protocol/endpoint";
import { t } from "../../lib/text.ts";

export interface Snippet {
  readonly label: string;
  readonly text: string;
}

export function snippetsOf(
  { verification }: Pick<Endpoint, "verification">,
  address: string,
): readonly [Snippet, ...Snippet[]] {
  switch (verification.kind) {
    case "none":
      return plain(address, null);
    case "bearer":
      return plain(address, { name: "authorization", prefix: "Bearer " });
    case "gitlab":
      return [...settings("GitLab", address), ...plain(address, { name: "x-gitlab-token", prefix: "" })];
    case "basic":
      return basic(address, verification.username);
    case "standard":
      return [
        { label: "curl", text: curlStandard(address) },
        { label: "JavaScript", text: standardJavascript(address) },
        { label: "Python", text: standardPython(address) },
      ];
    case "github":
      return [
        ...settings("GitHub", address),
        ...signed(address, {
          algorithm: "sha256",
          encoding: "hex",
          header: "x-hub-signature-256",
          prefix: ["sha256="],
          over: [BODY],
        }),
      ];
    case "hmac":
      return signed(address, {
        ...verification,
        header: verification.header.toLowerCase(),
        prefix: verification.prefix === "" ? [] : [verification.prefix],
        over: [BODY],
      });
    case "stripe":
      return [
        ...settings("Stripe", address),
        ...signed(address, {
          algorithm: "sha256",
          encoding: "hex",
          header: "stripe-signature",
          prefix: ["t=", AT, ",v1="],
          over: [AT, ".", BODY],
        }),
      ];
    case "slack":
      return [
        ...settings("Slack", address),
        ...signed(address, {
          algorithm: "sha256",
          encoding: "hex",
          header: "x-slack-signature",
          prefix: ["v0="],
          over: ["v0:", AT, ":", BODY],
          atHeader: "x-slack-request-timestamp",
        }),
      ];
  }
}

function settings(label: "GitHub" | "GitLab" | "Stripe" | "Slack", address: string): readonly [Snippet] {
  return [{ label, text: t(`endpoint.settings.${label}`, address) }];
}

/** A header that holds the secret, or none. */
function plain(
  address: string,
  header: { readonly name: string; readonly prefix: string } | null,
): readonly [Snippet, ...Snippet[]] {
  const curl = header === null ? "" : ` -H "${header.name}: ${header.prefix}$HOOK_SECRET"`;
  const js = header === null ? "" : ` "${header.name}": \`${header.prefix}\${process.env.HOOK_SECRET}\`,`;
  const py = header === null ? "" : `, "${header.name}": "${header.prefix}" + os.environ["HOOK_SECRET"]`;
  return [
    { label: "curl", text: `curl '${address}'${curl} -H 'content-type: application/json' -d '{"order":7}'` },
    {
      label: "JavaScript",
      text: `await fetch("${address}", {
  method: "POST",
  headers: { "content-type": "application/json",${js} },
  body: JSON.stringify({ order: 7 }),
});`,
    },
    {
      label: "Python",
      text: `import json, os, urllib.request
urllib.request.urlopen(urllib.request.Request("${address}", json.dumps({"order": 7}).encode(), {
    "content-type": "application/json"${py},
}))`,
    },
  ];
}

function basic(address: string, username: string): readonly [Snippet, ...Snippet[]] {
  return [
    {
      label: "curl",
      text: `curl '${address}' -u ${shell(`${username}:`)}"$HOOK_SECRET" -H 'content-type: application/json' -d '{"order":7}'`,
    },
    {
      label: "JavaScript",
      text: `const login = Buffer.from(${JSON.stringify(`${username}:`)} + process.env.HOOK_SECRET).toString("base64");
await fetch("${address}", {
  method: "POST",
  headers: { "content-type": "application/json", authorization: \`Basic \${login}\` },
  body: JSON.stringify({ order: 7 }),
});`,
    },
    {
      label: "Python",
      text: `import base64, json, os, urllib.request
login = base64.b64encode((${JSON.stringify(`${username}:`)} + os.environ["HOOK_SECRET"]).encode()).decode()
urllib.request.urlopen(urllib.request.Request("${address}", json.dumps({"order": 7}).encode(), {
    "content-type": "application/json", "authorization": f"Basic {login}",
}))`,
    },
  ];
}

/** A moment, seconds since 1970, or the body or its signature: what is written into the snippet as a variable. */
type Part = string | { readonly of: "at" | "body" | "signature" };
const AT: Part = { of: "at" };
const BODY: Part = { of: "body" };
const SIGNATURE: Part = { of: "signature" };

interface Signing {
  readonly algorithm: "sha1" | "sha256" | "sha512";
  readonly encoding: "hex" | "base64";
  readonly header: string;
  /** What stands before the signature. */
  readonly prefix: readonly Part[];
  /** What is signed. */
  readonly over: readonly Part[];
  readonly atHeader?: string;
}

function signed(address: string, signing: Signing): readonly [Snippet, ...Snippet[]] {
  const { algorithm, encoding, header, prefix, over, atHeader } = signing;
  const isTimed = over.includes(AT);
  const inShell = (parts: readonly Part[]): string =>
    parts.map((part) => (typeof part === "string" ? shell(part) : `"$${part.of.toUpperCase()}"`)).join("");
  const inCode = (parts: readonly Part[]): string =>
    parts.map((part) => (typeof part === "string" ? JSON.stringify(part) : part.of)).join(" + ");
  const digest =
    encoding === "hex"
      ? `openssl dgst -${algorithm} -hmac "$HOOK_SECRET" | sed 's/.* //'`
      : `openssl dgst -${algorithm} -hmac "$HOOK_SECRET" -binary | base64 -w0`;
  const pyDigest = encoding === "hex" ? "mac.hexdigest()" : "base64.b64encode(mac.digest()).decode()";
  const codeHeader = `${JSON.stringify(header)}: ${inCode([...prefix, SIGNATURE])}`;
  const codeAt = atHeader === undefined ? "" : `, "${atHeader}": at`;
  return [
    {
      label: "curl",
      text: `BODY='{"order":7}'${isTimed ? " AT=$(date +%s)" : ""}
SIG=$(printf %s ${inShell(over)} | ${digest})
curl '${address}' -H 'content-type: application/json' -H ${inShell([`${header}: `, ...prefix])}"$SIG"${
        atHeader === undefined ? "" : ` -H "${atHeader}: $AT"`
      } -d "$BODY"`,
    },
    {
      label: "JavaScript",
      text: `import { createHmac } from "node:crypto";
const body = JSON.stringify({ order: 7 });${isTimed ? "\nconst at = String(Math.floor(Date.now() / 1000));" : ""}
const hmac = createHmac("${algorithm}", process.env.HOOK_SECRET);
const signature = hmac.update(${inCode(over)}).digest("${encoding}");
await fetch("${address}", {
  method: "POST",
  headers: { "content-type": "application/json", ${codeHeader}${codeAt} },
  body,
});`,
    },
    {
      label: "Python",
      text: `import ${encoding === "base64" ? "base64, " : ""}hmac, json, os, ${isTimed ? "time, " : ""}urllib.request
body, key = json.dumps({"order": 7}), os.environ["HOOK_SECRET"].encode()${isTimed ? "\nat = str(int(time.time()))" : ""}
mac = hmac.new(key, (${inCode(over)}).encode(), "${algorithm}")
signature = ${pyDigest}
urllib.request.urlopen(urllib.request.Request("${address}", body.encode(), {
    "content-type": "application/json", ${codeHeader}${codeAt},
}))`,
    },
  ];
}

/** As one word of a shell. */
function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function curlStandard(address: string): string {
  return `BODY='{"order":7}' ID=msg_$RANDOM AT=$(date +%s)
KEY=$(printf %s "\${HOOK_SECRET#whsec_}" | base64 -d | od -An -vtx1 | tr -d ' \\n')
SIG=$(printf %s "$ID.$AT.$BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY -binary | base64)
curl '${address}' -H 'content-type: application/json' -H "webhook-id: $ID" \\
  -H "webhook-timestamp: $AT" -H "webhook-signature: v1,$SIG" -d "$BODY"`;
}

function standardJavascript(address: string): string {
  return `import { Webhook } from "standardwebhooks";
const body = JSON.stringify({ order: 7 });
const [id, at] = [\`msg_\${crypto.randomUUID()}\`, new Date()];
await fetch("${address}", {
  method: "POST",
  body,
  headers: {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at / 1000)),
    "webhook-signature": new Webhook(process.env.HOOK_SECRET).sign(id, at, body),
  },
});`;
}

function standardPython(address: string): string {
  return `import base64, hmac, json, os, time, urllib.request, uuid
body, id, at = json.dumps({"order": 7}), f"msg_{uuid.uuid4()}", str(int(time.time()))
key = base64.b64decode(os.environ["HOOK_SECRET"].removeprefix("whsec_"))
signature = base64.b64encode(hmac.digest(key, f"{id}.{at}.{body}".encode(), "sha256")).decode()
urllib.request.urlopen(urllib.request.Request("${address}", body.encode(), {
    "content-type": "application/json", "webhook-id": id, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}",
}))`;
}
