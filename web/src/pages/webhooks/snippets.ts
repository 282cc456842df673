/** How to send to an endpoint, for the kind of proof that it asks for. The secret is read from the environment. */
import type { Endpoint } from "@cronium/protocol/endpoint";

export interface Snippet {
  readonly label: string;
  readonly text: string;
}

export function snippetsOf({ verification }: Pick<Endpoint, "verification">, address: string): readonly Snippet[] {
  const json = `-H 'content-type: application/json' -d '{"order":7}'`;
  switch (verification.kind) {
    case "none":
      return [{ label: "curl", text: `curl '${address}' ${json}` }];
    case "bearer":
      return [{ label: "curl", text: `curl '${address}' -H "authorization: Bearer $HOOK_SECRET" ${json}` }];
    case "basic":
      return [{ label: "curl", text: `curl '${address}' -u "${verification.username}:$HOOK_SECRET" ${json}` }];
    case "gitlab":
      return [{ label: "curl", text: `curl '${address}' -H "x-gitlab-token: $HOOK_SECRET" ${json}` }];
    case "standard":
      return [
        { label: "curl", text: curlStandard(address) },
        { label: "JavaScript", text: javascript(address) },
        { label: "Python", text: python(address) },
      ];
    case "github":
      return [{ label: "curl", text: curlHmac(address, "sha256", "x-hub-signature-256", "sha256=") }];
    case "hmac":
      return verification.encoding === "hex"
        ? [
            {
              label: "curl",
              text: curlHmac(address, verification.algorithm, verification.header.toLowerCase(), verification.prefix),
            },
          ]
        : [];
    default:
      return [];
  }
}

function curlHmac(address: string, algorithm: string, header: string, prefix: string): string {
  return `BODY='{"order":7}'
SIG=$(printf %s "$BODY" | openssl dgst -${algorithm} -hmac "$HOOK_SECRET" | sed 's/.* //')
curl '${address}' -H 'content-type: application/json' -H "${header}: ${prefix}$SIG" -d "$BODY"`;
}

function curlStandard(address: string): string {
  return `BODY='{"order":7}' ID=msg_$RANDOM AT=$(date +%s)
KEY=$(printf %s "\${HOOK_SECRET#whsec_}" | base64 -d | od -An -vtx1 | tr -d ' \\n')
SIG=$(printf %s "$ID.$AT.$BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY -binary | base64)
curl '${address}' -H 'content-type: application/json' -H "webhook-id: $ID" \\
  -H "webhook-timestamp: $AT" -H "webhook-signature: v1,$SIG" -d "$BODY"`;
}

function javascript(address: string): string {
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

function python(address: string): string {
  return `import datetime, json, os, urllib.request, uuid
from standardwebhooks import Webhook
body, id, at = json.dumps({"order": 7}), f"msg_{uuid.uuid4()}", datetime.datetime.now(datetime.timezone.utc)
urllib.request.urlopen(urllib.request.Request("${address}", body.encode(), {
    "content-type": "application/json", "webhook-id": id, "webhook-timestamp": str(int(at.timestamp())),
    "webhook-signature": Webhook(os.environ["HOOK_SECRET"]).sign(id, at, body),
}))`;
}
